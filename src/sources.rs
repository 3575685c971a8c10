//! Files with bundles, as an option of every command that starts a control plane.
//!
//! Owns the two options. Reading and following the files is the control plane's.

use std::path::PathBuf;

/// Where bundles come from besides the API.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct SourceArguments {
    /// Files or folders with bundles; each file becomes the only source of its tenant
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) bundle: Vec<PathBuf>,
    /// Follow changes of those files
    #[arg(long, requires = "bundle")]
    pub(crate) watch: bool,
}
