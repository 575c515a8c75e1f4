#!/usr/bin/env bash
# What building for arm64 needs beside Rust: a C compiler with musl's headers. Installs zig from PyPI into target/zig,
# nothing on the machine, and does nothing when it is there. Prints the path of a C compiler for arm64.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=target/zig wanted=ziglang==0.14.1
if [ "$(cat $folder/installed 2>/dev/null)" != $wanted ]; then
    python3 -m venv --clear $folder
    $folder/bin/pip install --quiet --disable-pip-version-check $wanted
    # Rust's builds name the target in their own way, which zig does not know.
    cat >$folder/arm64-cc <<CC
#!/usr/bin/env bash
arguments=()
for a in "\$@"; do case \$a in --target=*) ;; *) arguments+=("\$a") ;; esac; done
exec "$PWD/$folder/bin/python" -m ziglang cc -target aarch64-linux-musl -fno-sanitize=undefined "\${arguments[@]}"
CC
    chmod +x $folder/arm64-cc
    echo $wanted >$folder/installed
fi
if command -v rustup >/dev/null && ! rustup target list --installed | grep -q aarch64-unknown-linux-musl; then
    rustup target add aarch64-unknown-linux-musl >&2
fi
echo "$PWD/$folder/arm64-cc"
