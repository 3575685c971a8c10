//! `halftone keys`: the file that gateways sign and verify with.
//!
//! Owns the steps of a rotation and the writing of the file. A gateway follows its file by itself
//! (`halftone_dataplane::keys`); the form of the file is `halftone_core::signal::keys`'.
//!
//! Invariants: a secret is drawn from the system and never printed; the file is replaced whole, readable by its owner
//! alone, or not touched.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use halftone_core::{
    limits::{KEY_BYTES_MIN, KEYS_MAX},
    signal::keys::{Secret, is_key_id, keys_text},
};
use halftone_dataplane::keys::{KeyFileError, read_keys};
use serde_json::json;

use crate::{place::Place, usage::Usage};

/// Options of `halftone keys`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone keys add --keys /etc/halftone/keys
  halftone keys list --json
  halftone keys rotate

The first key of the file signs, all of them verify; a gateway takes another file within a second or two.
Every gateway of a fleet needs the same keys. To rotate them there, a step at a time, each on every gateway:
`add` a key, `promote` it once all have it, and `remove` the old one once what it signed may end.
`rotate` is the first two at once, for a gateway that is alone.
Exit codes: 0 done, 1 failed, 2 called wrongly.")]
pub(crate) struct KeysArguments {
    #[command(subcommand)]
    command: KeysCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Print the ids of the keys; the first signs
    #[command(after_help = "Example:\n  halftone keys list --json | jq -r .signs")]
    List(FileArguments),
    /// Make a key that verifies; the first of a new file signs, too
    #[command(after_help = "Example:\n  halftone keys add --id k2027 --keys /etc/halftone/keys")]
    Add(MakeArguments),
    /// Make a key that signs from now on; the others go on verifying
    #[command(after_help = "Example:\n  halftone keys rotate")]
    Rotate(MakeArguments),
    /// Let a key sign from now on
    #[command(after_help = "Example:\n  halftone keys promote k2027 --keys /etc/halftone/keys")]
    Promote(NamedArguments),
    /// Forget a key: what it signed is believed no more
    #[command(after_help = "Example:\n  halftone keys remove k2026 --keys /etc/halftone/keys")]
    Remove(NamedArguments),
}

/// Where the keys are.
#[derive(Debug, clap::Args)]
pub(super) struct FileArguments {
    /// The key file [default: <data>/keys]
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Where state is kept [default: $XDG_STATE_HOME/halftone, or ~/.local/state/halftone]
    #[arg(long, value_name = "DIR", conflicts_with = "keys")]
    data: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl FileArguments {
    /// Returns the path of the file.
    pub(super) fn path(&self) -> Result<PathBuf> {
        match &self.keys {
            Some(keys) => Ok(keys.clone()),
            None => Ok(Place::open(self.data.clone())?.keys()),
        }
    }
}

#[derive(Debug, clap::Args)]
struct MakeArguments {
    /// The id of the new key [default: k and the seconds since 1970]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    file: FileArguments,
}

#[derive(Debug, clap::Args)]
struct NamedArguments {
    /// The id of the key
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    file: FileArguments,
}

/// Does what is asked.
///
/// # Errors
/// The file cannot be read or written, or has no such key.
pub(super) fn run(arguments: &KeysArguments, output: &mut dyn Write) -> Result<()> {
    let (file, keys) = match &arguments.command {
        KeysCommand::List(file) => (file, read_keys(&file.path()?)?),
        KeysCommand::Add(MakeArguments { id, file }) => {
            (file, change(file, |keys| made(keys, id.as_deref(), keys.len()))?)
        }
        KeysCommand::Rotate(MakeArguments { id, file }) => {
            (file, change(file, |keys| made(keys, id.as_deref(), 0))?)
        }
        KeysCommand::Promote(NamedArguments { id, file }) => (
            file,
            change(file, |keys| {
                let key = taken(keys, id)?;
                keys.insert(0, key);
                Ok(())
            })?,
        ),
        KeysCommand::Remove(NamedArguments { id, file }) => (
            file,
            change(file, |keys| {
                taken(keys, id)?;
                if keys.is_empty() {
                    bail!("{id:?} is the only key: add another first, or remove the file");
                }
                Ok(())
            })?,
        ),
    };
    print(&file.path()?, &keys, file.json, output)
}

/// Returns `path`, where a first key is made when there is none.
///
/// # Errors
/// The file cannot be read or written.
pub(super) fn made_once(path: &Path) -> Result<PathBuf> {
    match read_keys(path) {
        Ok(_) => {}
        Err(error) if error.is_missing() => {
            let mut keys = Vec::new();
            made(&mut keys, None, 0)?;
            write(path, &keys)?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(path.to_owned())
}

fn print(path: &Path, keys: &[Secret], json: bool, output: &mut dyn Write) -> Result<()> {
    if json {
        let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        let told = json!({ "file": path.display().to_string(), "signs": ids.first(), "keys": ids });
        let told = serde_json::to_string_pretty(&told).context("cannot write JSON")?;
        writeln!(output, "{told}")?;
        return Ok(());
    }
    for (at, key) in keys.iter().enumerate() {
        let does = if at == 0 { "signs and verifies" } else { "verifies" };
        writeln!(output, "{:<16} {does}", key.id)?;
    }
    Ok(())
}

/// Changes the keys of a file; one that is missing begins without any.
fn change(
    file: &FileArguments,
    change: impl FnOnce(&mut Vec<Secret>) -> Result<()>,
) -> Result<Vec<Secret>> {
    let path = file.path()?;
    let mut keys = match read_keys(&path) {
        Ok(keys) => keys,
        Err(error) if error.is_missing() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    change(&mut keys)?;
    write(&path, &keys)?;
    Ok(keys)
}

fn made(keys: &mut Vec<Secret>, id: Option<&str>, place: usize) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let id = id.map_or_else(|| format!("k{}", now.as_secs()), str::to_owned);
    if !is_key_id(&id) {
        let message = format!("--id: expected letters, digits, '-' and '_', got {id:?}");
        return Err(Usage(message).into());
    }
    if keys.iter().any(|key| key.id == id) {
        bail!("{id:?} is the id of a key already; name another with --id");
    }
    if keys.len() >= KEYS_MAX {
        bail!("there are {KEYS_MAX} keys already; remove one first");
    }
    let mut bytes = vec![0; KEY_BYTES_MIN];
    let drawn = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty());
    if drawn.map_err(io::Error::from).context("no secret can be drawn")? != KEY_BYTES_MIN {
        bail!("the system drew less than a secret has");
    }
    keys.insert(place, Secret { id, bytes });
    Ok(())
}

fn taken(keys: &mut Vec<Secret>, id: &str) -> Result<Secret> {
    let Some(place) = keys.iter().position(|key| key.id == id) else {
        let known: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        bail!("there is no key {id:?}; there is {}", known.join(", "));
    };
    Ok(keys.remove(place))
}

/// Replaces the file: whoever reads it meanwhile reads the old one or the new one. The mode of an old one stays, so that
/// a group which may read it still may.
fn write(path: &Path, keys: &[Secret]) -> Result<()> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mode = match fs::metadata(path) {
        Ok(found) => found.permissions().mode() & 0o777,
        Err(_) => 0o600,
    };
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let text = keys_text(keys);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        // It may not be there; the first error counts.
        let _ = fs::remove_file(&beside);
    }
    Ok(written.map_err(failed)?)
}
