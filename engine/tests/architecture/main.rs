//! Does the code use only what ARCHITECTURE.md allows?
//!
//! The tables of that page are the rules: one for the packages (held against each `Cargo.toml`), one for the modules
//! inside `engine` and one for those inside `flight-server` (held against every path that starts at `crate` or
//! `super`). A module without a row fails as well, so the drawing grows with the code.

mod rules;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rules::{Edge, Rules};

fn project_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the project").to_path_buf()
}

fn rules(heading: &str) -> Rules {
    let page = fs::read_to_string(project_root().join("ARCHITECTURE.md")).expect("the page is there");
    Rules::read(&page, heading).expect("the table is there")
}

#[test]
fn modules_of_the_engine_use_only_what_is_allowed() {
    assert_allowed(&rules("### Inside `engine`"), &project_root().join("engine/src"));
}

#[test]
fn modules_of_the_server_use_only_what_is_allowed() {
    assert_allowed(&rules("### Inside `flight-server`"), &project_root().join("flight-server/src"));
}

#[test]
fn packages_depend_only_on_what_is_allowed() {
    let rules = rules("### Packages");
    for package in rules.modules() {
        let dependencies = dependencies(&project_root().join(package).join("Cargo.toml"));
        let ours = dependencies.iter().filter_map(|name| folder_of(name)).map(|target| Edge::new(package, target));
        assert_eq!(rules.violations(&ours.collect()), [""; 0], "see the packages of ARCHITECTURE.md");
        for banned in rules.never(package) {
            assert!(!dependencies.contains(banned), "{package} must know nothing of {banned} (ARCHITECTURE.md)");
        }
    }
    let members = fs::read_to_string(project_root().join("Cargo.toml")).unwrap();
    let members = members.lines().find(|line| line.starts_with("members")).expect("a workspace has members");
    let listed: BTreeSet<&str> = members.split('"').skip(1).step_by(2).collect();
    assert_eq!(listed, rules.modules().collect(), "every member of the workspace has a row");
}

fn assert_allowed(rules: &Rules, source_folder: &Path) {
    let tree = source::Tree::read(source_folder).expect("the sources can be read");
    let missing: Vec<_> = tree.top_modules().into_iter().filter(|name| !rules.has(name)).collect();
    assert_eq!(missing, [""; 0], "modules of {} without a row in ARCHITECTURE.md", source_folder.display());
    let edges = tree.edges();
    assert!(!edges.is_empty(), "no edges found in {}", source_folder.display());
    assert_eq!(rules.violations(&edges), [""; 0], "edges that ARCHITECTURE.md does not allow");
}

/// Words that stand where a program opens a connection of its own.
const OUTGOING: [&str; 12] = [
    "reqwest",
    "HttpBuilder",
    "AmazonS3Builder",
    "GoogleCloudStorageBuilder",
    "MicrosoftAzureBuilder",
    "parse_url",
    "TcpStream::connect",
    "TcpSocket",
    "UdpSocket",
    "UnixStream",
    "lookup_host",
    "to_socket_addrs",
];

/// Files beside `engine/src/outgoing` that may hold such words, and why.
const MAY_CONNECT: [&str; 1] = [
    // Asks the admin listener of the caller's own configuration, from the command line.
    "flight-server/src/cli/admin.rs",
];

#[test]
fn connections_are_opened_in_one_place() {
    let root = project_root();
    let mut found = BTreeSet::new();
    for package in ["adql", "engine", "engine/sky", "flight-server", "fuzzing"] {
        let folder = root.join(package).join("src");
        for (path, text) in source::code_of(&folder).expect("the sources can be read") {
            if OUTGOING.iter().any(|word| text.contains(word)) {
                let path = path.strip_prefix(&root).expect("it lies in the project");
                found.insert(path.to_string_lossy().into_owned());
            }
        }
    }
    let (inside, others): (Vec<_>, Vec<_>) = found.iter().partition(|p| p.starts_with("engine/src/outgoing/"));
    assert!(inside.len() >= 3, "the words are found where they belong: {inside:?}");
    assert_eq!(others, MAY_CONNECT.iter().collect::<Vec<_>>(), "connections are opened in engine/src/outgoing alone");
}

/// Names in the `[dependencies]` section of a manifest.
fn dependencies(manifest: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(manifest).expect("each package has a manifest");
    let section = text.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split(['.', ' ', '=']).next()).filter(|n| !n.is_empty()).map(str::to_owned).collect()
}

/// Folder of one of our packages, `None` for those of others.
fn folder_of(package: &str) -> Option<&'static str> {
    match package {
        "sidereus-adql" => Some("adql"),
        "sidereus-sky" => Some("engine/sky"),
        "sidereus-engine" => Some("engine"),
        "sidereus-flight-server" => Some("flight-server"),
        "sidereus-benches" => Some("benches"),
        _ => None,
    }
}
