//! The handbook is complete: whatever a user can name (node, handler, function, section, route,
//! metric, command, field, reason) stands in its page. The names are read from the one list that the
//! program itself uses; a failure says which page wants which line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("e2e lies in the root").to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The words of a page that stand in code: `a`, `a b`, and those of fenced blocks.
fn code_words(text: &str) -> BTreeSet<String> {
    let in_code = text.split('`').skip(1).step_by(2);
    let separates =
        |c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '=' | ';' | '{' | '}');
    in_code.flat_map(|code| code.split(separates)).map(str::to_owned).collect()
}

/// The part of a page below a heading, to the next heading of its rank.
fn part<'a>(page: &'a str, heading: &str) -> &'a str {
    let rank = heading.split(' ').next().unwrap_or_default();
    let from = page.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading:?}"));
    let rest = &page[from + heading.len() + 2..];
    rest.split(&format!("\n{rank} ")).next().unwrap_or_default()
}

/// The text between two marks.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("no {from:?}")) + from.len();
    let length = text[start..].find(to).unwrap_or_else(|| panic!("no {to:?} after {from:?}"));
    &text[start..start + length]
}

/// What follows each `mark` up to the next quotation mark.
fn quoted_after(text: &str, mark: &str) -> Vec<String> {
    let pieces = text.split(mark).skip(1);
    pieces.filter_map(|piece| piece.split('"').next()).map(str::to_owned).collect()
}

/// Fails with what to do unless `words` has every name.
fn check(page: &str, what: &str, names: &[String], words: &BTreeSet<String>) {
    assert!(!names.is_empty(), "the list of {what} was not found: mend this test");
    let missing: Vec<_> = names.iter().filter(|name| !words.contains(*name)).collect();
    assert!(missing.is_empty(), "{page} does not name {what}: {missing:?}. Add a line for each.");
}

/// Names of chain calls, from an entry of the list of kinds such as `influxql::mean::KIND`.
fn kind_name(entry: &str) -> String {
    let (module, constant) = entry.rsplit_once("::").expect("module::CONSTANT");
    let file = format!("daemon/engine/src/node/{}.rs", module.replace("::", "/"));
    let text = read(&file);
    let from = text
        .find(&format!("static {constant}: Kind"))
        .unwrap_or_else(|| panic!("{file}: no {constant}"));
    let made_by = ["kind(\"", "Signature::method(\"", "Signature::variadic(\""];
    let found = made_by.iter().filter_map(|call| text[from..].find(call).map(|at| at + call.len()));
    let name = found.min().unwrap_or_else(|| panic!("{file}: {constant} has no name"));
    text[from + name..].split('"').next().unwrap_or_default().to_owned()
}

#[test]
fn every_node_is_in_the_table_of_its_state() {
    let page = read("docs/tickscript.md");
    let list = read("daemon/engine/src/node.rs");
    let built: Vec<String> = between(&list, "static KINDS: &[&Kind] = &[", "];")
        .split(',')
        .map(|entry| entry.trim().trim_start_matches('&'))
        .filter(|entry| !entry.is_empty())
        .map(kind_name)
        .collect();
    let unbuilt = read("daemon/engine/src/node/unbuilt.rs");
    let table = between(&unbuilt, "\nunbuilt! {", "\n}\n");
    let calls = ["method(\"", "variadic(\""];
    let later: Vec<String> = table
        .lines()
        .filter(|line| line.starts_with("    ") && !line.starts_with("     "))
        .filter_map(|line| {
            let at = calls.iter().filter_map(|c| line.find(c).map(|at| at + c.len())).min()?;
            line[at..].split('"').next().map(str::to_owned)
        })
        .collect();
    let (yes, no) = (part(&page, "## Nodes"), part(&page, "## Nodes not built yet"));
    let first_column = |part: &str| -> BTreeSet<String> {
        let rows = part.lines().filter(|line| line.starts_with("| `"));
        rows.flat_map(|row| code_words(row.split('|').nth(1).unwrap_or_default())).collect()
    };
    check("docs/tickscript.md, ## Nodes,", "nodes that are built", &built, &code_words(yes));
    check("docs/tickscript.md, ## Nodes not built yet,", "nodes", &later, &first_column(no));
    for name in &built {
        assert!(
            !first_column(no).contains(name),
            "docs/tickscript.md: {name} is built now, take it off `## Nodes not built yet`, and off \
             the list in CHANGELOG.md"
        );
    }
}

#[test]
fn every_property_of_an_alert_is_documented() {
    let text = read("daemon/engine/src/node/alert.rs");
    let table = between(&text, "PROPERTIES: &[Signature] = &[", "];");
    let mut names = quoted_after(table, "Signature::field(\"");
    names.extend(quoted_after(table, "Signature::method(\""));
    names.extend(quoted_after(table, "Signature::variadic(\""));
    let words = code_words(part(&read("docs/tickscript.md"), "## alert"));
    check("docs/tickscript.md, ## alert,", "properties", &names, &words);
}

#[test]
fn every_handler_is_documented_as_built_or_not() {
    let text = read("daemon/alert/src/kind.rs");
    let arms = between(&text, "let action = match kind {", "_ if NOT_BUILT");
    let built: Vec<String> = arms
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next().map(str::to_owned))
        .collect();
    let later = between(&text, "pub const NOT_BUILT", "];");
    let later: Vec<String> = later.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    let page = read("docs/tickscript.md");
    let handlers = part(&page, "### Handlers");
    let (yes, no) = handlers.split_once("**Not built yet**").expect("both lists");
    check("docs/tickscript.md, ### Handlers,", "handlers that are built", &built, &code_words(yes));
    check("docs/tickscript.md, ### Handlers,", "handlers not built", &later, &code_words(no));
}

#[test]
fn every_function_of_lambdas_is_documented() {
    let mut names = Vec::new();
    for family in ["convert", "math", "text", "clock", "stateful", "choose"] {
        let text = read(&format!("daemon/tick/src/lambda/{family}.rs"));
        let list = between(&text, "FUNCTIONS: &[Function] = &[", "\n];");
        names.extend(quoted_after(list, "name: \""));
        for line in list.lines().filter(|line| line.starts_with("    ")) {
            names.extend(quoted_after(line, "!(\"").into_iter().take(1));
        }
    }
    assert!(names.len() > 80, "functions were found: {}", names.len());
    let words = code_words(part(&read("docs/tickscript.md"), "## Functions of lambdas"));
    check("docs/tickscript.md, ## Functions of lambdas,", "functions", &names, &words);
}

#[test]
fn every_section_of_the_configuration_is_documented() {
    let sample = read("daemon/src/config/sample.conf");
    let sections: Vec<String> = sample
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .filter(|line| line.starts_with('[') && line.ends_with(']'))
        .map(str::to_owned)
        .collect();
    let page = read("docs/configure.md");
    let named = |section: &String| {
        page.contains(&format!("### {section}\n")) || page.contains(&format!("`{section}`"))
    };
    let missing: Vec<_> = sections.iter().filter(|section| !named(section)).collect();
    assert!(
        sections.len() > 40 && missing.is_empty(),
        "docs/configure.md does not name {missing:?}: add a heading `### [name]` if the section is \
         built, else an entry in the table of what is not"
    );
}

#[test]
fn every_route_is_documented() {
    let router = between(&read("daemon/src/http.rs"), "pub(crate) fn router", "\n}\n").to_owned();
    let page = read("docs/api.md");
    let words = code_words(&page);
    let mut seen = 0;
    for route in router.split(".route(").skip(1).filter_map(|r| r.split('"').nth(1)) {
        seen += 1;
        // `/tasks/{*path}` and `/tasks/` are told under `/tasks`.
        let stem = route.split('{').next().unwrap_or_default().trim_end_matches('/');
        let told = words.iter().any(|word| {
            word == stem
                || word.starts_with(&format!("{stem}/"))
                || word.starts_with(&format!("{stem}?"))
        });
        assert!(
            told,
            "docs/api.md does not name the route {route}: add it to the table of its resource"
        );
    }
    assert!(seen > 20, "the routes were found");
}

#[test]
fn every_metric_is_documented_with_what_to_do() {
    let text = read("daemon/src/http/metrics.rs");
    let mut names = Vec::new();
    for literal in text.split('"').skip(1).step_by(2) {
        let is_name = literal.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if is_name && literal.starts_with("kapacitor_") {
            names.push(literal.to_owned());
        }
    }
    assert!(names.len() > 30, "the families were found: {names:?}");
    let page = read("docs/operate.md");
    check(
        "docs/operate.md, ## Watching,",
        "metrics",
        &names,
        &code_words(part(&page, "## Watching")),
    );
}

#[test]
fn every_command_is_documented() {
    let page = read("docs/api.md");
    let words = code_words(part(&page, "## Command lines"));
    let lines: BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
    for tool in ["kapacitor", "ctl"] {
        let folder = root().join("daemon/cli/src").join(tool);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&folder).expect("readable") {
            let text = std::fs::read_to_string(entry.expect("readable").path()).expect("readable");
            if text.contains(": Command = Command {") {
                names.extend(quoted_after(&text, "name: \"").into_iter().take(1));
            }
            names.extend(quoted_after(&text, "\n    command(\""));
        }
        assert!(names.len() >= 5, "the commands were found: {names:?}");
        for name in names {
            let told = words.contains(&name)
                || lines.iter().any(|l| l.starts_with(&format!("kapacitorctl {name}")));
            assert!(told, "docs/api.md, ## Command lines, does not name {name:?}: add it");
        }
    }
    let daemon = read("daemon/src/command/arguments.rs");
    let arms = between(&daemon, "match words.next().as_deref() {", "};");
    let names = quoted_after(arms, "        Some(\"");
    let names: Vec<String> =
        names.into_iter().filter(|name| name != "ping" && name != "ready").collect();
    check("docs/api.md, ## Command lines,", "commands of kapacitord", &names, &words);
}

#[test]
fn every_field_of_the_resource_is_documented() {
    let page = read("docs/kubernetes.md");
    let words = code_words(&page);
    let spec = read("operator/src/crd.rs");
    let spec = between(&spec, "pub struct KapacitorClusterSpec {", "\n}\n");
    let fields: Vec<String> =
        quoted_words(spec, "    pub ", ':').iter().map(|f| camel(f)).collect();
    check("docs/kubernetes.md", "fields of the resource", &fields, &words);
}

/// What stands between `mark` at the start of a line and `end`.
fn quoted_words(text: &str, mark: &str, end: char) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(mark));
    lines.filter_map(|line| line.split(end).next()).map(str::to_owned).collect()
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut all, word| {
        let mut letters = word.chars();
        all.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        all.push_str(letters.as_str());
        all
    })
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut pages: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
            .iter()
            .map(|p| root().join(p))
            .collect();
    for folder in ["docs", "docs/decisions"] {
        let entries = std::fs::read_dir(root().join(folder)).expect("readable");
        let files = entries.map(|entry| entry.expect("readable").path());
        pages.extend(files.filter(|path| path.extension().is_some_and(|e| e == "md")));
    }
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("readable");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let there = if file.is_empty() {
                page.clone()
            } else {
                page.parent().expect("a folder").join(file)
            };
            let shown = page.strip_prefix(root()).unwrap_or(&page).display().to_string();
            assert!(there.exists(), "{shown} links to {target}, which does not exist");
            if !anchor.is_empty() {
                let text = std::fs::read_to_string(&there).expect("readable");
                let found = text.lines().filter(|l| l.starts_with('#')).any(|l| slug(l) == anchor);
                assert!(found, "{shown} links to {target}: no such heading");
            }
        }
    }
}

#[test]
fn paths_in_the_architecture_exist() {
    let text = read("ARCHITECTURE.md");
    let decided = part(&text, "## Where is X decided?");
    let mut seen = 0;
    for path in decided.split('`').skip(1).step_by(2).filter(|code| code.contains('/')) {
        seen += 1;
        let fixed = path.split(['*', '<']).next().unwrap_or_default();
        let there = ["", "daemon/"].iter().any(|room| root().join(room).join(fixed).exists());
        assert!(there, "ARCHITECTURE.md: {path} does not exist; say where that is decided now");
    }
    assert!(seen > 20, "the table was found");
}

/// The anchor of a heading, as forges make it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
