#!/usr/bin/env python3
"""Prints a software bill of materials (CycloneDX 1.5, JSON) of some packages of the workspace.

sbom.py NAME VERSION ARCH PACKAGE...    ARCH: amd64 or arm64; what is linked into the packages, from Cargo.lock; no test and build tools
"""
import json, subprocess, sys

name, version, arch, *packages = sys.argv[1:]
target = {"amd64": "x86_64", "arm64": "aarch64"}[arch] + "-unknown-linux-musl"
tree = ["cargo", "tree", "--quiet", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--target",
        target, "--format", "{p}|{l}"]
for package in packages: tree += ["--package", package]
lines = subprocess.run(tree, check=True, capture_output=True, text=True).stdout.splitlines()
found = {}
for line in lines:
    package, _, licence = line.partition("|")
    words = package.split()
    # Our own crates have no registry: they are the program itself.
    if len(words) < 2 or "(/" in package: continue
    found[(words[0], words[1].lstrip("v"))] = licence.removesuffix(" (*)").strip()
components = [
    {"type": "library", "name": crate, "version": number, "purl": f"pkg:cargo/{crate}@{number}",
     **({"licenses": [{"expression": licence}]} if licence else {})}
    for (crate, number), licence in sorted(found.items())
]
bill = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "container", "name": name, "version": version}}, "components": components}
print(json.dumps(bill, indent=1))
