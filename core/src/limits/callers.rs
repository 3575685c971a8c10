//! Who a caller is: tokens, keys, tags, lists of ids, regions, devices.

/// Longest bearer token that is looked at, bytes: what most servers take as one field.
pub const JWT_BYTES_MAX: usize = 8 * 1024;
/// How far clocks of issuers and gateways may differ, seconds.
pub const JWT_LEEWAY_S: u64 = 30;
/// Most issuers whose tokens are believed: they are tried in turn.
pub const JWT_ISSUERS_MAX: usize = 16;
/// Most audiences of one issuer: they are tried in turn.
pub const JWT_AUDIENCES_MAX: usize = 16;
/// Most keys of one issuer: one signs, others come and go.
pub const JWT_KEYS_MAX: usize = 64;
/// Longest issuer, audience or id of a key, bytes.
pub const JWT_NAME_BYTES_MAX: usize = 512;
/// Largest JWKS document, bytes: 64 keys with their certificates.
pub const JWKS_BYTES_MAX: usize = 1024 * 1024;
/// Smallest RSA modulus that verifies, bits (RFC 7518 §3.3).
pub const RSA_BITS_MIN: usize = 2048;
/// Largest one, bits: a verification costs with its square.
pub const RSA_BITS_MAX: usize = 4096;
/// Tokens of which one worker remembers what became of them, at most.
pub const JWT_REMEMBERED: usize = 16 * 1024;
/// Most bytes of tokens and their claims that one worker remembers: 16 000 of usual length.
pub const JWT_REMEMBERED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most tokens that one worker verifies in a tick, 4000 in a second: a signature takes 30 to 100 µs, so that whoever sends
/// ever new ones takes a third of a core at most, and no tick is late by much.
pub const JWT_JUDGED_PER_TICK: u32 = 400;
/// Most that a worker verifies in a tick for a shadow alone, so that one that reads tokens where the served rules do not takes
/// nothing from callers, and a tenth of a core at most.
pub const JWT_SHADOWED_PER_TICK: u32 = 100;
/// Bad ones among them that one caller may show: 250 in a second are nobody's mistake, also where many users share an
/// address, and it takes sixteen addresses to use up what all callers have together.
pub const JWT_BAD_PER_CALLER: u8 = 25;
/// Longest value taken as a bucketing key, bytes; a longer one is cut nowhere, it is not present.
pub const UNIT_BYTES_MAX: usize = 1024;
/// Most tags of one id: dimensions that people name, not a record of what somebody did.
pub const TAGS_MAX: usize = 64;
/// Longest value of one tag, bytes.
pub const TAG_VALUE_BYTES_MAX: usize = 1024;
/// Most bytes of all tags of one id, names and values: a worker keeps those of many.
pub const TAG_BYTES_MAX: usize = 4 * 1024;
/// Most ids with tags of one tenant: the filter that tells them apart then has 25 MB.
pub const TAG_IDS_MAX: u64 = 20_000_000;
/// Bits of the filter for each id there is room for: less than 1 % of others pass (`table::filter`).
pub const TAG_FILTER_BITS: u64 = 12;
/// Most words of a filter: with room for twice the ids there may be.
pub const TAG_FILTER_WORDS_MAX: usize = 8 * 1024 * 1024;
/// Longest line of a load, bytes: an id and its tags, every byte of them escaped.
pub const TAG_LINE_BYTES_MAX: usize = 64 * 1024;
/// Most keys of a gateway: one signs, one is about to, the others end with what they signed.
pub const KEYS_MAX: usize = 16;
/// Shortest secret of a key, bytes: as long as what it makes (RFC 2104 §3).
pub const KEY_BYTES_MIN: usize = 32;
/// Longest secret of a key, bytes: a block of SHA-256; a longer one would be hashed first (RFC 2104 §2).
pub const KEY_BYTES_MAX: usize = 64;
/// Longest id of a key, bytes: it is a part of every token.
pub const KEY_ID_BYTES_MAX: usize = 32;
/// Largest key file, bytes.
pub const KEYS_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Longest token, bytes: the longest bucketing key with its signature.
pub const TOKEN_BYTES_MAX: usize = UNIT_BYTES_MAX + 128;
/// Tokens of which one worker remembers that they are good: about 1 MiB with ids of usual length.
pub const TOKENS_REMEMBERED: usize = 4096;
/// How long browsers are asked to keep what a gateway has them remember, seconds: 400 days are the most they do
/// (RFC 6265bis).
pub const COOKIE_AGE_S: u64 = 400 * 86_400;
/// How often a gateway looks whether its key file is another one, milliseconds.
pub const KEYS_WATCH_MS: u64 = 1_000;
/// Longest time that an override or an explanation can be signed for, seconds: what grants something is renewed.
pub const GRANT_S_MAX: u64 = 366 * 86_400;
/// Most values that the answer to a signed explain header tells.
pub const TOLD_VALUES_MAX: usize = 16;
/// Longest of them, bytes.
pub const TOLD_VALUE_BYTES_MAX: usize = 64;

/// Most lines of a load that are made durable at once.
pub const TAG_BATCH_LINES: usize = 10_000;
/// Most bytes of ids and tags that are made durable at once: a load holds no more of them.
pub const TAG_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// How long a request may wait for tags that its worker does not know, milliseconds.
pub const TAGS_MS: u64 = 2;
/// Longest such wait that can be set, milliseconds: a decision that takes longer is a request that is late.
pub const TAGS_MS_MAX: u64 = 1_000;
/// Most bytes of tags that one worker remembers.
pub const TAG_CACHE_BYTES: usize = 16 * 1024 * 1024;
/// How long a worker remembers that an id has no tags, milliseconds; it is told when that may have changed.
pub const TAG_ABSENT_MS: u64 = 10_000;
/// How long a worker takes for unknown what could not be answered in time, milliseconds, before it asks again.
pub const TAG_MISSED_MS: u64 = 1_000;
/// Most ids asked for in one frame: with their longest ids it still is a small one.
pub const TAG_QUERY_IDS_MAX: usize = 64;
/// Most bytes of questions that a control plane has not answered: a socket takes more before a write to it waits.
pub const TAG_QUERY_BYTES_MAX: usize = 64 * 1024;
/// Most questions that a control plane has not answered, for the same reason.
pub const TAG_QUERIES_MAX: usize = 64;
/// Most bad lines of a load that are told; then it ends, since the file is another one than was meant.
pub const TAG_REFUSALS_MAX: usize = 1_000;
/// Most ids of one list: as many as may have tags; their fingerprints have 160 MB.
pub const LIST_IDS_MAX: usize = 20_000_000;
/// Most lists of all tenants.
pub const LISTS_MAX: usize = 1_000;
/// Most ids of all lists: every gateway holds their fingerprints in memory, 512 MB of them.
pub const LISTS_IDS_MAX: usize = 64_000_000;
/// Largest region database that is read, bytes: full-size City databases have a quarter of it.
pub const GEO_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Longest value that is taken from a region database, bytes: no name is longer.
pub const GEO_VALUE_BYTES_MAX: usize = 256;
/// Addresses a worker remembers the region of, twice over (those seen lately, and those before): about 5 MB.
pub const GEO_ADDRESSES_MAX: usize = 4096;
/// Networks of a region database that are compared with the one before it: those of the largest take a few seconds.
pub const GEO_NETWORKS_COMPARED_MAX: usize = 16_000_000;
/// From which age on a region database is called old, seconds: 30 days, and new ones come twice a week.
pub const GEO_OLD_S: u64 = 30 * 24 * 3600;
/// Letters of a geohash: more would tell apart what a double cannot.
pub const GEOHASH_PRECISION_MAX: usize = 12;
/// Most bytes of a user agent that are read: those of in-app browsers, the longest, have up to 600.
pub const DEVICE_AGENT_BYTES_MAX: usize = 1024;
/// Longest client hint that is read, bytes: a list of brands has 150.
pub const DEVICE_HINT_BYTES_MAX: usize = 256;
/// Most clients whose device one worker remembers: with fields of the usual length about 1 MiB, of the longest
/// possible 5 MiB. A few thousand different ones make up nearly all requests of a site.
pub const DEVICES_MAX: usize = 2048;

/// Largest body that a device's features come in, bytes: our script sends 2 KiB (Chromium).
pub const FINGERPRINT_BODY_BYTES_MAX: usize = 8 * 1024;
/// Most words of one feature: our script sends 120 of the largest.
pub const FINGERPRINT_WORDS_MAX: usize = 160;
/// Longest word of a feature, bytes: a name of a graphics card has shorter ones.
pub const FINGERPRINT_WORD_BYTES_MAX: usize = 64;
/// How long one salt makes ids, seconds: 30 days. An id lives to the end of the next period, so a rollout of a month
/// does not lose its users, and two ids of one device further apart have nothing in common.
pub const FINGERPRINT_PERIOD_S: u64 = 30 * 24 * 3600;
/// Most fingerprints that one worker takes in a second: each is at most two sketches of 3 × 160 words, some 120 000
/// multiplications, and a flood of them leaves the worker to its requests.
pub const FINGERPRINTS_PER_S_MAX: u32 = 100;
