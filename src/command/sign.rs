//! `halftone sign`: tokens that gateways believe.
//!
//! Owns what can be signed and for how long. The format is `halftone_core::signal::signature`'s; services sign cookies
//! by themselves (docs/signatures.md).

use std::{
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use halftone_core::{
    limits::{GRANT_S_MAX, TOKEN_BYTES_MAX},
    policy::is_token,
    route::{HostScratch, host_name},
    signal::{keys::KeyRing, signature::Use},
};
use halftone_dataplane::keys::read_keys;
use serde_json::json;

use super::keys::FileArguments;
use crate::usage::Usage;

/// Options of `halftone sign`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  curl -H \"X-Release-Group: $(halftone sign override canary --tenant shop --release shop-v2)\" http://localhost:8080/
  curl -i -H \"X-Halftone-Explain: $(halftone sign explain localhost --for 10m)\" http://localhost:8080/
  halftone sign cookie u7 --tenant shop --name uid --for 30d

A token is good for what it was signed for, until its time is over or its key is removed. Whoever has it may use it.
Exit codes: 0 done, 1 failed, 2 called wrongly.")]
pub(crate) struct SignArguments {
    #[command(subcommand)]
    command: SignCommand,
}

/// What to sign.
#[derive(Debug, Subcommand)]
enum SignCommand {
    /// Let a caller take a variant, by a header whose override `requires: signed`
    #[command(after_help = "\
Example:
  halftone sign override canary --tenant shop --release shop-v2 --for 12h

Only the key file is read: whether the release has the variant is not looked up. A token for one
that it has not is no override, which `halftone explain` tells.")]
    Override(OverrideArguments),
    /// Let a caller be told decisions, by the header X-Halftone-Explain
    #[command(after_help = "Example:\n  halftone sign explain shop.example.com --for 10m")]
    Explain(ExplainArguments),
    /// Sign the value of a cookie that an attribute takes with `signed: true`
    #[command(
        after_help = "Example:\n  halftone sign cookie u7 --tenant shop --name uid --for 30d"
    )]
    Cookie(CookieArguments),
}

#[derive(Debug, clap::Args)]
struct OverrideArguments {
    /// The variant
    #[arg(value_name = "VARIANT")]
    variant: String,
    /// Whose release it is
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The release
    #[arg(long, value_name = "NAME")]
    release: String,
    #[command(flatten)]
    grant: GrantArguments,
}

#[derive(Debug, clap::Args)]
struct ExplainArguments {
    /// The host whose decisions may be told
    #[arg(value_name = "HOST")]
    host: String,
    #[command(flatten)]
    grant: GrantArguments,
}

#[derive(Debug, clap::Args)]
struct GrantArguments {
    /// How long it is good, such as 10m, 12h or 30d
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = seconds)]
    seconds: u64,
    #[command(flatten)]
    file: FileArguments,
}

#[derive(Debug, clap::Args)]
struct CookieArguments {
    /// The value
    #[arg(value_name = "VALUE")]
    value: String,
    /// Whose attribute it is
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The cookie
    #[arg(long, value_name = "NAME")]
    name: String,
    /// How long it is good, such as 30d [default: as long as its key]
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    seconds: Option<u64>,
    #[command(flatten)]
    file: FileArguments,
}

/// Prints a token.
///
/// # Errors
/// There is no key, or what is to be signed could not be sent.
pub(super) fn run(arguments: &SignArguments, output: &mut dyn Write) -> Result<()> {
    let mut scratch = HostScratch::new();
    let (file, seconds, used, value) = match &arguments.command {
        SignCommand::Override(OverrideArguments { variant, tenant, release, grant }) => {
            let used = Use::Override { tenant, release };
            (&grant.file, Some(grant.seconds), used, variant.as_bytes())
        }
        SignCommand::Explain(ExplainArguments { host, grant }) => {
            (&grant.file, Some(grant.seconds), Use::Explain, host_name(host, &mut scratch))
        }
        SignCommand::Cookie(CookieArguments { value, tenant, name, seconds, file }) => {
            if !is_token(name) {
                return Err(Usage(format!("--name: expected a cookie's name, got {name:?}")).into());
            }
            (file, *seconds, Use::Cookie { tenant, name }, value.as_bytes())
        }
    };
    check(used, value)?;
    let path = file.path()?;
    let keys = read_keys(&path).context("nothing can be signed")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let expires = seconds.map_or(0, |seconds| now.saturating_add(seconds));
    let mut token = Vec::new();
    KeyRing::new(&keys).sign(used, value, expires, &mut token);
    if token.len() > TOKEN_BYTES_MAX {
        bail!("the token would have {} bytes; at most {TOKEN_BYTES_MAX} are read", token.len());
    }
    let token = String::from_utf8(token).context("a token is text")?;
    if file.json {
        let key = keys.first().map(|key| &key.id);
        let told =
            json!({ "token": token, "key": key, "expires": (expires > 0).then_some(expires) });
        let told = serde_json::to_string_pretty(&told).context("cannot write JSON")?;
        writeln!(output, "{told}")?;
    } else {
        writeln!(output, "{token}")?;
    }
    Ok(())
}

/// Checks that a value can be carried where it is meant to be, and its scope read in one way.
fn check(used: Use<'_>, value: &[u8]) -> Result<()> {
    // RFC 6265 §4.1.1: what a cookie can hold.
    let is_octet = |byte: &u8| byte.is_ascii_graphic() && !b"\",;\\".contains(byte);
    if value.is_empty() || !value.iter().all(is_octet) {
        let shown = String::from_utf8_lossy(value);
        return Err(Usage(format!(
            "expected printable ASCII without spaces, quotes, commas and semicolons, got {shown:?}"
        ))
        .into());
    }
    if let Some((tenant, name)) = used.scope()
        && [tenant, name].iter().any(|part| part.is_empty() || part.contains(['/', '\n']))
    {
        return Err(
            Usage(format!("expected names without '/', got {tenant:?} and {name:?}")).into()
        );
    }
    Ok(())
}

/// Reads a time such as `10m`.
fn seconds(text: &str) -> Result<u64, String> {
    let expected = || format!("expected a number and s, m, h or d, such as 12h, got {text:?}");
    let unit = text.chars().last().ok_or_else(expected)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(expected()),
    };
    let digits = &text[..text.len() - 1];
    let number: u64 = digits.parse().map_err(|_| expected())?;
    match number.checked_mul(factor) {
        Some(seconds @ 1..=GRANT_S_MAX) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(seconds)
        }
        _ => Err(format!("expected 1s to {}d, got {text:?}", GRANT_S_MAX / 86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, expected) in [
            ("10m", Some(600)),
            ("1s", Some(1)),
            ("12h", Some(43_200)),
            ("366d", Some(GRANT_S_MAX)),
        ] {
            assert_eq!(seconds(text).ok(), expected, "{text}");
        }
        for text in
            ["", "0s", "367d", "5", "m", "-1h", "+1h", "1.5h", "1é", "99999999999999999999d"]
        {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
