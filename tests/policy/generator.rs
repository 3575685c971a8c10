//! Bundles and requests to disagree about.
//!
//! Owns the numbers, all from one seed (splitmix64, Steele et al. 2014), and the words: few names, so that requests meet rules
//! often. What is made of them has a room each.

mod bundles;
mod conditions;
mod expressions;
mod releases;
mod requests;
mod signed;

/// Numbers from a seed.
pub(crate) struct Seeded(pub(crate) u64);

const HOSTS: [&str; 6] =
    ["a.example.com", "b.example.com", "x.b.example.com", "example.com", "a", "localhost"];
const PATHS: [&str; 9] =
    ["/", "/user", "/user/", "/user/deep", "/a//b", "/a", "/%2F", "/users", "/user/deep/x"];
const HEADERS: [&str; 4] = ["x-a", "X-B", "X-Release-Group", "x-user"];
const VALUES: [&str; 5] = ["1", "2", "canary", "stable", "u7"];
const METHODS: [&str; 3] = ["GET", "POST", "PUT"];

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn pick_static(&mut self, of: &[&'static str]) -> &'static str {
        of[self.below(of.len())]
    }
}
