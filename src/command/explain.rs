//! `halftone explain`: where a request would go, and why, told by a worker.
//!
//! Owns its options and who is asked; [`crate::explained`] owns the words.

use std::{io::Write, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use halftone_core::wire::{ExplainRequest, Explained, Field, Frame};
use halftone_link::Visit;

use crate::{
    VERSION,
    api::{self, Client},
    explained,
    usage::Usage,
};

/// Options of `halftone explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone explain http://localhost:8080/user
  halftone explain -H 'X-User-Id: user-42' -H 'Cookie: uid=7' http://shop.example.com/cart
  halftone explain --socket ~/.local/state/halftone/gateway.sock --ip 203.0.113.7 http://shop.example.com/

A worker of the gateway decides with its own tables, as it does for a request that is sent.")]
pub(crate) struct ExplainArguments {
    /// What would be asked for: http://host/path?query
    #[arg(value_name = "URL")]
    url: String,
    /// The API to ask
    #[arg(long, value_name = "URL", default_value = api::DEFAULT, value_parser = api::place)]
    api: String,
    /// The control socket of the gateway to ask, without a control plane
    #[arg(long, value_name = "PATH", conflicts_with = "api")]
    socket: Option<PathBuf>,
    /// The method
    #[arg(short = 'X', long = "request", value_name = "METHOD", default_value = "GET")]
    method: String,
    /// A header field, such as 'X-User-Id: user-42'; may be given again
    #[arg(short = 'H', long = "header", value_name = "FIELD")]
    headers: Vec<String>,
    /// The address the connection would come from [default: 127.0.0.1]
    #[arg(long, value_name = "ADDR")]
    ip: Option<String>,
    /// Believe that peer, whatever the gateway's --trusted says
    #[arg(long)]
    trusted: bool,
    /// Print what the worker answers
    #[arg(long)]
    json: bool,
}

/// Prints what a worker decides.
///
/// # Errors
/// Nobody answers, or what is asked is no request.
pub(super) fn run(arguments: &ExplainArguments, output: &mut dyn Write) -> Result<()> {
    let asked = asked(arguments)?;
    let explained = match &arguments.socket {
        Some(socket) => {
            let mut visit = Visit::open(socket, VERSION)?;
            match visit.ask(&Frame::Explain(asked.clone()))?.frame {
                Frame::Explained(explained) => *explained,
                _ => bail!("the gateway at {} answered something else", socket.display()),
            }
        }
        None => Client::new(&arguments.api).explain(&asked)?,
    };
    print(&asked, &explained, arguments.json, output)
}

fn print(
    asked: &ExplainRequest,
    explained: &Explained,
    json: bool,
    output: &mut dyn Write,
) -> Result<()> {
    if json {
        let json = serde_json::to_string_pretty(explained).context("cannot write JSON")?;
        writeln!(output, "{json}")?;
    } else {
        output.write_all(explained::text(asked, explained).as_bytes())?;
    }
    Ok(())
}

fn asked(arguments: &ExplainArguments) -> Result<ExplainRequest> {
    let field = |text: &String| {
        let (name, value) = text.split_once(':').ok_or_else(|| {
            Usage(format!("-H: expected a field such as 'X-User-Id: user-42', got {text:?}"))
        })?;
        Ok(Field { name: name.trim().to_owned(), value: value.trim().to_owned() })
    };
    Ok(ExplainRequest {
        method: arguments.method.clone(),
        url: arguments.url.clone(),
        headers: arguments.headers.iter().map(field).collect::<Result<_>>()?,
        ip: arguments.ip.clone(),
        trusted: arguments.trusted.then_some(true),
    })
}
