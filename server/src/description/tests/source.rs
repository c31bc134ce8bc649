//! What the source says, read as text: names that no type can be asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A file of the workspace.
pub(super) fn read(path: &str) -> String {
    let file = workspace().join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every Rust file in a folder of the workspace, tests aside.
pub(super) fn files(folder: &str) -> Vec<String> {
    let (mut folders, mut found) = (vec![workspace().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).expect("a text");
                found.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned());
            }
        }
    }
    found
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The quoted words of a text, `"[a-z_]+"`.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    let quoted = text.split('"').skip(1).step_by(2);
    quoted.filter(|word| is_word(word)).map(str::to_owned).collect()
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// The words that a `match` on text has arms for: `"word" =>` and `"word" | "word" =>`.
pub(super) fn arms(text: &str) -> BTreeSet<String> {
    let patterns = text.lines().filter_map(|line| line.trim().split_once(" => ")).map(|(pattern, _)| pattern);
    patterns.filter(|pattern| pattern.starts_with('"')).flat_map(words).collect()
}

/// The words that a `match` leads to: `=> "word"`.
pub(super) fn outcomes(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|line| line.trim().split_once(" => "));
    lines.filter(|(_, outcome)| outcome.starts_with('"')).flat_map(|(_, outcome)| words(outcome)).collect()
}

/// The enums of the macro `words!`, with their words.
pub(super) fn enums(text: &str) -> BTreeMap<String, Vec<String>> {
    let blocks = text.split("\nwords!(\n").skip(1).filter_map(|block| block.split("\n);").next());
    let read = |block: &str| {
        let lines: Vec<&str> = block.lines().map(str::trim).filter(|line| !line.starts_with("///")).collect();
        let name = lines[0].trim_end_matches(" {").to_owned();
        let word = |line: &&str| Some(line.split_once(" = \"")?.1.split('"').next()?.to_owned());
        (name, lines.iter().filter_map(word).collect())
    };
    blocks.map(read).collect()
}

/// The fields of a struct as they are on the wire; those of the structs that are flattened into it, too.
pub(super) fn structs(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut raw: BTreeMap<String, (BTreeSet<String>, Vec<String>)> = BTreeMap::new();
    for block in text.split("\npub struct ").skip(1) {
        let Some((name, body)) = block.split_once(" {\n") else { continue };
        let (mut fields, mut flattened) = (BTreeSet::new(), Vec::new());
        let (mut renamed, mut is_flat) = (None, false);
        for line in body.split("\n}").next().unwrap_or_default().lines().map(str::trim) {
            if line.starts_with("#[") {
                renamed = line.split_once("rename = \"").and_then(|(_, rest)| rest.split('"').next()).or(renamed);
                is_flat |= line.contains("flatten");
            } else if let Some((field, kind)) = line.strip_prefix("pub ").and_then(|line| line.split_once(": ")) {
                if is_flat {
                    flattened.push(kind.trim_end_matches(',').to_owned());
                } else {
                    fields.insert(renamed.map_or_else(|| camel(field), str::to_owned));
                }
                (renamed, is_flat) = (None, false);
            }
        }
        raw.insert(name.to_owned(), (fields, flattened));
    }
    let whole = |name: &String| {
        let (fields, flattened) = &raw[name];
        let inherited = flattened.iter().flat_map(|kind| raw[kind].0.iter());
        (name.clone(), fields.iter().chain(inherited).cloned().collect())
    };
    raw.keys().map(whole).collect()
}

fn camel(name: &str) -> String {
    let parts = name.split('_').enumerate();
    parts.map(|(index, part)| if index == 0 { part.into() } else { part[..1].to_uppercase() + &part[1..] }).collect()
}
