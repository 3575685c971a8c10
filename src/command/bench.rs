//! `halftone bench`: measurements.
//!
//! Owns the command line alone; `halftone_bench` does the work.

mod train;

use std::io::Write;

use anyhow::{Result, bail};
use halftone_bench::compare::{self, CompareOptions};
use halftone_bench::floor::{self, FloorOptions};
use halftone_bench::geo::{self, GeoOptions};
use halftone_bench::push::{self, PushOptions};
use halftone_bench::ramp::{self, RampOptions};
use halftone_bench::replay::{self, ReplayOptions};
use halftone_bench::scale::{self, ScaleOptions};
use halftone_bench::shadow::{self, ShadowOptions};
use halftone_bench::tags::{self, TagsOptions};

/// Options of `halftone bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Load this gateway and others side by side on this machine
    #[command(after_help = "\
Examples:
  halftone bench compare --peers nginx --rounds 5 --seconds 5
  halftone bench compare --peers halftone-epoll,nginx,haproxy,envoy,floor \\
      --workload plain,canary,short,b16k,b1m --rounds 3 --seconds 2
  halftone bench compare --peers nginx --idle 15000

Peers are those installed on this machine. Two CPUs are used: one is measured, one drives. A contender
that was not saturated when it should have been is refused: its figures are not shown, and the exit
code is 1.")]
    Compare(CompareOptions),
    /// Ramp a release up and watch from outside that nobody is thrown out
    #[command(after_help = "\
Example:
  halftone bench ramp --users 200000 --peers nginx,envoy

Asks for every user at 1, 5, 25, 50 and 100 %, with two versions and with three, and across an edit of
the bundle. The exit code is 1 when halftone took a version from anybody whose share did not fall.")]
    Ramp(RampOptions),
    /// Relay bytes and read none of them: what the kernel takes for two connections
    #[command(after_help = "\
Example:
  halftone bench floor --listen 127.0.0.1:8080 --backend 127.0.0.1:8000

One thread, until it is ended. `bench compare --peers floor` measures it beside the others.")]
    Floor(FloorOptions),
    /// Measure how long a change takes until every worker decides with it, under load
    #[command(after_help = "\
Examples:
  halftone bench push --pushes 1000
  halftone bench push --rate 1000 --seconds 60

A push sets a weight at the API, and is answered when every worker decides with it.")]
    Push(PushOptions),
    /// Measure how long a one-line change of a very large bundle takes until every worker decides with it
    #[command(after_help = "\
Examples:
  halftone bench scale
  halftone bench scale --change route,bundle --changes 50 --json

A bundle of 100 000 routes over 10 000 hosts with 10 000 targets and 1 000 segments is put; then one
line of it is changed, again and again, as an object of the bundle or by putting all of it. The exit
code is 1 when a change failed.")]
    Scale(ScaleOptions),
    /// Measure region databases of full size: accepting one, lookups, and replacing it under load
    #[command(after_help = "\
Examples:
  halftone bench geo
  halftone bench geo --database GeoLite2-City.mmdb --json

Without --database one of a million networks is made. Each time of a lookup includes reading the clock, whose
own time is reported beside. The exit code is 1 when a request failed.")]
    Geo(GeoOptions),
    /// Measure how fast a long access log is decided again by two bundles
    #[command(after_help = "\
Examples:
  halftone bench replay
  halftone bench replay --lines 10000000 --users 1000000 --json

A log is written as gateways write them, under the rules of `bench compare --workload dimensions`, and
`halftone replay LOG --against A --and B` is run on it. The exit code is 1 when a line could not be decided.")]
    Replay(ReplayOptions),
    /// Measure what a shadow on every request costs each of them
    #[command(after_help = "\
Examples:
  halftone bench shadow
  halftone bench shadow --rounds 9 --seconds 3 --json

This gateway is measured beside itself with `halftone shadow` at 100 %, in rounds that take turns, under the
rules of `bench compare --workload dimensions`. Two CPUs are used. The exit code is 1 when a cost could not
be told, or a request failed.")]
    Shadow(ShadowOptions),
    /// Measure what requests meet whose users' tags are far away, or gone, under load
    #[command(after_help = "\
Examples:
  halftone bench tags
  halftone bench tags --delay-ms 200 --seconds 60 --json

Two loads run at once: of users whom the gateway knows, and of users who ask for the first time. First the
control plane is near; then each of its answers takes 50 ms more; then it is killed in the middle. A user
whose tags do not come within the budget (2 ms) is decided by the default, and counted. The exit code is 1
when a request failed.")]
    Tags(TagsOptions),
    /// Run everything a profile-guided build learns from; `make release` does
    #[command(after_help = "\
Example:
  halftone bench train

Measurements of every engine and of the control plane, short and without their reports. In a build that counts
(-C profile-generate) they leave profiles behind; in any other they leave nothing. Two CPUs are used, for some
minutes. The exit code is 1 when a request, a change or a line failed.")]
    Train,
}

/// Runs a measurement and prints its report.
///
/// # Errors
/// It cannot be made.
pub(super) fn run(arguments: &BenchArguments, output: &mut dyn Write) -> Result<()> {
    match &arguments.what {
        What::Compare(options) => {
            let refused = compare::run(options, output)?.refused();
            if !refused.is_empty() {
                bail!("not reported: {}", refused.join("; "));
            }
            Ok(())
        }
        What::Ramp(options) => match ramp::run(options, output)?.thrown_out("halftone") {
            0 => Ok(()),
            users => bail!("halftone threw out {users} users"),
        },
        What::Floor(options) => floor::run(options),
        What::Push(options) => push::run(options, output).map(drop),
        What::Scale(options) => match scale::run(options, output)?.failed() {
            0 => Ok(()),
            changes => bail!("{changes} changes failed"),
        },
        What::Geo(options) => match geo::run(options, output)?.failed() {
            0 => Ok(()),
            requests => bail!("{requests} requests failed"),
        },
        What::Replay(options) => match replay::run(options, output)?.lacking {
            0 => Ok(()),
            lines => bail!("{lines} lines could not be decided again"),
        },
        What::Shadow(options) => {
            let report = shadow::run(options, output)?;
            match report.failed() {
                0 if report.is_whole() => Ok(()),
                0 => bail!("not reported: {}", report.warnings.join("; ")),
                requests => bail!("{requests} requests failed"),
            }
        }
        What::Tags(options) => match tags::run(options, output)?.failed() {
            0 => Ok(()),
            requests => bail!("{requests} requests failed"),
        },
        What::Train => train::train(output),
    }
}
