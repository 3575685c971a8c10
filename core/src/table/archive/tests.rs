//! Archives opened, damaged and forged; the golden one.

use super::*;
use crate::route::bare::Bare;
use crate::signal::{
    device::DeviceProperty,
    geo::{GeoField, GeoLang},
};
use crate::table::{
    AddressRangeRow, AddressRow, AffixRow, AttributeKind, AttributeRow, CalculateRow, ChoiceRow,
    CompareRow, ConditionRow, ExpressionRow, HostRow, InstanceRow, InstanceSet, InstanceTable,
    NONE, NestedNodeRow, NestedRow, NodeRow, OnNoHealthyRow, OverrideRow, PartRow, PathRow,
    PositionRow, RangeRow, ReleaseRow, RequiresRow, RouteRow, RuleTable, SegmentRow, SourceRow,
    Span, TargetRow, TenantRow, TimeoutsRow, UnitMissingRow, ValueRow, VariantRow, WantedRow,
    WithinRow,
};

/// A position that two attributes say.
const SAID: PositionRow = PositionRow { latitude: 2, longitude: 2 };
/// A position that only the address says.
const UNSAID: PositionRow = PositionRow { latitude: NONE, longitude: NONE };

/// An expression with every kind of node.
fn everything() -> ExpressionRow {
    let nodes = vec![
        NodeRow::Attribute(1),
        NodeRow::Negate(0),
        NodeRow::Int(-18),
        NodeRow::Calculate(CalculateRow::Remainder, 1, 2),
        NodeRow::InInts(3, vec![-1, 0, 7]),
        NodeRow::Part(PartRow::Header("x-city".into())),
        NodeRow::InTexts(5, vec!["上海".into(), "北京".into()]),
        NodeRow::Or(4, 6),
        NodeRow::Part(PartRow::ClientIp),
        NodeRow::InRange(8, AddressRangeRow::V4([192, 0, 2, 0], 24)),
        NodeRow::Not(9),
        NodeRow::And(7, 10),
        NodeRow::Part(PartRow::Cookie("c".into())),
        NodeRow::Has(12),
        NodeRow::Part(PartRow::Host),
        NodeRow::Matches(14, 2),
        NodeRow::Choose(11, 13, 15),
        NodeRow::Part(PartRow::Path),
        NodeRow::Text("/user".into()),
        NodeRow::Affix(AffixRow::StartsWith, 17, 18),
        NodeRow::Or(16, 19),
        NodeRow::Part(PartRow::Method),
        NodeRow::Size(21),
        NodeRow::Double(2.5),
        NodeRow::Compare(CompareRow::Less, 22, 23),
        NodeRow::And(20, 24),
        NodeRow::Double(0.5),
        NodeRow::InDoubles(26, vec![0.5, 1.0]),
        NodeRow::And(25, 27),
        NodeRow::Bool(false),
        NodeRow::Or(28, 29),
        NodeRow::Within(WithinRow { position: SAID, latitude: 31.2, longitude: -121.5, km: 50.0 }),
        NodeRow::Or(30, 31),
        NodeRow::Part(PartRow::Geohash { position: SAID, precision: 12 }),
        NodeRow::Has(33),
        NodeRow::Or(32, 34),
        NodeRow::Member { id: 0, list: "staff".into() },
        NodeRow::Or(35, 36),
    ];
    ExpressionRow { text: "everything".into(), nodes }
}

fn rules() -> RuleTable {
    let route = |path, conditions, release, variant| RouteRow {
        name: "r".into(),
        tenant: 0,
        path,
        conditions,
        release,
        variant,
        request_ms: 30_000,
        body_bytes: 10 << 20,
    };
    let value = |name: &str| ValueRow { name: name.into(), value: WantedRow::Exact("1".into()) };
    let conditions = vec![
        ConditionRow::Method("GET".into()),
        ConditionRow::Path(PathRow::Prefix("/user".into())),
        ConditionRow::Header(value("x-qa")),
        ConditionRow::Query(value("qa")),
        ConditionRow::Cookie(value("qa")),
        ConditionRow::Header(ValueRow { name: "accept".into(), value: WantedRow::Regex(1) }),
        ConditionRow::Hosts(vec!["a.example.com".into(), ".example.com".into()]),
        ConditionRow::Sources(vec![
            AddressRangeRow::V4([192, 0, 2, 0], 24),
            AddressRangeRow::V6([0; 16], 128),
        ]),
        ConditionRow::Expression(everything()),
    ];
    let variant = |name: &str| VariantRow {
        name: name.into(),
        key: format!("t/u/{name}"),
        timeouts: TimeoutsRow { connect_ms: 1_000, ..TimeoutsRow::UNSAID },
    };
    let source = |part| SourceRow { part, trusted: true };
    RuleTable {
        hosts: vec![HostRow { name: "a.example.com".into(), routes: Span { start: 0, end: 1 } }],
        wildcards: vec![HostRow { name: ".example.com".into(), routes: Span { start: 1, end: 2 } }],
        any_host: Span { start: 1, end: 3 },
        prefix_slashes: 1,
        routes: vec![
            route(PathRow::Exact("/user".into()), conditions.clone(), 0, NONE),
            route(PathRow::Prefix("/user".into()), vec![], 0, NONE),
            route(PathRow::Regex(0), vec![], NONE, 0),
        ]
        .into(),
        regexes: vec![
            crate::table::regex::compile("/v[0-9]+").expect("good"),
            crate::table::regex::compile(".*json").expect("good"),
            crate::table::regex::compile_search("example").expect("good"),
        ]
        .into(),
        releases: vec![ReleaseRow {
            tenant: "t".into(),
            name: "user-v2".into(),
            variants: Span { start: 0, end: 2 },
            on_no_healthy: vec![OnNoHealthyRow::Fail, OnNoHealthyRow::FallbackStable],
            overrides: vec![OverrideRow {
                header: "x-release-group".into(),
                requires: RequiresRow::Signed,
            }],
            units: vec![0, 1],
            unit_missing: UnitMissingRow::Mint,
            pins: Some(3),
            baggage: Some("release.user-v2".into()),
            salt: "user-v2".into(),
            targets: vec![
                TargetRow {
                    id: "qa".into(),
                    conditions,
                    expires_unix_s: 1_801_353_600,
                    nested: None,
                    choices: vec![ChoiceRow::Variant(1)],
                },
                TargetRow {
                    id: "matrix".into(),
                    conditions: vec![],
                    nested: Some(NestedRow {
                        attributes: vec![0, 1],
                        nodes: vec![
                            NestedNodeRow { values: vec!["u7".into()], below: vec![1], any: 2 },
                            NestedNodeRow {
                                values: vec!["18".into(), "19".into()],
                                below: vec![0, 1],
                                any: 2,
                            },
                            NestedNodeRow { values: vec![], below: vec![], any: 3 },
                        ],
                        cells: vec!["u7/18".into(), "u7/19".into(), "u7/*".into(), "*/*".into()],
                    }),
                    expires_unix_s: u64::MAX,
                    choices: vec![
                        ChoiceRow::Variant(1),
                        ChoiceRow::Split(vec![RangeRow {
                            start: 0,
                            end: 10_000,
                            variant: 1,
                            taken: 0,
                        }]),
                        ChoiceRow::Variant(0),
                        ChoiceRow::Variant(0),
                    ],
                },
            ],
            default: ChoiceRow::Split(vec![
                RangeRow { start: 0, end: 10_000, variant: 1, taken: 0 },
                RangeRow { start: 50_000, end: 60_000, variant: 1, taken: 1 },
            ]),
            disabled: false,
            expires_unix_s: u64::MAX,
        }]
        .into(),
        variants: vec![variant("stable"), variant("canary")],
        attributes: vec![
            AttributeRow {
                name: "user.id".into(),
                kind: AttributeKind::String,
                sources: vec![
                    source(PartRow::Header("x-user".into())),
                    source(PartRow::Cookie("uid".into())),
                    source(PartRow::SignedCookie("sid".into())),
                    source(PartRow::PathSegment(2)),
                    source(PartRow::GrpcService),
                ],
                default: None,
            },
            AttributeRow {
                name: "user.age".into(),
                kind: AttributeKind::Int,
                sources: vec![
                    source(PartRow::Tag { id: 0, name: "age".into() }),
                    source(PartRow::ClientIp),
                    source(PartRow::Query("user".into())),
                    source(PartRow::Device(DeviceProperty::OsMajor)),
                    source(PartRow::DeviceId),
                ],
                default: Some("7".into()),
            },
            AttributeRow {
                name: "geo.lat".into(),
                kind: AttributeKind::Double,
                sources: vec![source(PartRow::Header("x-lat".into()))],
                default: None,
            },
            AttributeRow {
                name: "geo.city".into(),
                kind: AttributeKind::String,
                sources: vec![
                    source(PartRow::Geo {
                        field: GeoField::City.code(),
                        lang: GeoLang::ZhCn.code(),
                    }),
                    source(PartRow::Geohash { position: SAID, precision: 5 }),
                    source(PartRow::Geohash { position: UNSAID, precision: 5 }),
                    source(PartRow::Claim { name: "realm.level".into(), issuer: None }),
                    source(PartRow::Claim { name: "sub".into(), issuer: Some("one".into()) }),
                ],
                default: None,
            },
        ],
        segments: vec![
            SegmentRow { tenant: "t".into(), name: "everything".into(), when: everything() },
            SegmentRow {
                tenant: "t".into(),
                name: "named".into(),
                when: ExpressionRow {
                    text: "everything()".into(),
                    nodes: vec![NodeRow::Segment(0)],
                },
            },
        ],
        tenants: vec![TenantRow {
            name: "t".into(),
            reserved: vec!["x-release-group".into()],
            baggage: vec!["release.user-v2".into(), "user".into()],
        }],
    }
}

fn instances() -> InstanceTable {
    let row = |weight_end, addresses| InstanceRow { name: "one".into(), addresses, weight_end };
    InstanceTable {
        sets: vec![
            InstanceSet {
                key: "t/u/canary".into(),
                instances: vec![row(30, vec![AddressRow::V4([127, 0, 0, 1], 80)])],
            },
            InstanceSet {
                key: "t/u/stable".into(),
                instances: vec![
                    row(1, vec![AddressRow::V6([0; 16], 80)]),
                    row(2, vec![AddressRow::Unix("/run/app.sock".into())]),
                ],
            },
        ],
    }
}

/// Recomputes the checksum, so that what is tested lies behind it.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return bytes };
    let sum = checksum(header, xxh3_128(body));
    bytes[CHECKED_BYTES..HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn golden() {
    // One archive of each kind, as this layout writes it. When this fails, the archived types have
    // changed: raise LAYOUT_VERSION, then run with UPDATE_GOLDEN=1.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/table/archive/golden");
    for (name, bytes) in [
        ("rules", Archive::build(&rules(), 7).expect("valid").bytes().to_vec()),
        ("instances", Archive::build(&instances(), 7).expect("valid").bytes().to_vec()),
    ] {
        let path = folder.join(format!("{name}.v{LAYOUT_VERSION}.bin"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(&folder)
                .and_then(|()| std::fs::write(&path, &bytes))
                .expect("written");
        }
        let golden = read(&path).expect("a golden archive");
        assert!(golden == bytes, "{} differs: the archived types have changed", path.display());
    }
}

#[expect(clippy::disallowed_methods, reason = "a golden file is read by its test")]
fn read(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    std::fs::read(path)
}

#[test]
fn round_trip() {
    let archive = Archive::build(&rules(), 42).expect("valid");
    let opened = Archive::<RuleTable>::copy_from(archive.bytes()).expect("valid");
    assert_eq!(opened.revision(), 42);
    assert_eq!(
        rkyv::deserialize::<RuleTable, rancor::Error>(opened.table()).expect("whole"),
        rules()
    );
}

/// Two threads are the caller's to have: whoever does the second first finds the same.
struct SecondFirst;

impl Both for SecondFirst {
    fn both<A: Send, B: Send>(
        &self,
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        let b = b();
        (a(), b)
    }
}

#[test]
fn what_is_done_beside_the_check_is_given_away_with_a_good_table_only() {
    let draft = |table: &RuleTable| Draft::write(table, 7, 0).expect("written");
    let good = draft(&rules());
    let len = good.length();
    let (archive, copy) = good.open_beside(&SecondFirst, <[u8]>::to_vec).expect("it can be served");
    assert_eq!((copy.len(), copy.as_slice()), (len, archive.bytes()));
    let opened = Archive::<RuleTable>::copy_from(&copy).expect("the sum is that of its bytes");
    assert_eq!((opened.body(), opened.revision()), (archive.body(), 7));
    let mut bad = rules();
    bad.routes[0].release = 9;
    let refused = draft(&bad).open_beside(&SecondFirst, |_| "done").map(|(_, done)| done);
    assert!(matches!(refused, Err(ArchiveError::Meaning(_))), "{refused:?}");
}

#[test]
fn a_body_has_one_name_in_every_revision() {
    let body = |table: &RuleTable, revision| {
        Archive::build(table, revision).expect("it can be served").body()
    };
    let mut other = rules();
    other.routes[0].body_bytes += 1;
    assert_eq!(body(&rules(), 1), body(&rules(), 2));
    assert_ne!(body(&rules(), 1), body(&other, 1));
}

#[test]
fn damage_is_told_as_damage_in_whatever_order_it_is_looked_for() {
    let good = Archive::build(&rules(), 1).expect("it can be served");
    for at in (0..good.bytes().len()).step_by(7) {
        let mut bytes = AlignedVec::with_capacity(good.bytes().len());
        bytes.extend_from_slice(good.bytes());
        bytes[at] ^= 0x55;
        let found = Archive::<RuleTable>::open_by(bytes, &SecondFirst).map(|_| ());
        let expected = match at {
            0..8 => matches!(found, Err(ArchiveError::Magic)),
            8..16 => matches!(found, Err(ArchiveError::Layout { .. })),
            16..24 => matches!(found, Err(ArchiveError::Kind { .. })),
            24..32 => {
                matches!(found, Err(ArchiveError::Length { .. } | ArchiveError::TooLarge { .. }))
            }
            _ => matches!(found, Err(ArchiveError::Checksum)),
        };
        assert!(expected, "{at}: {found:?}");
    }
}

#[test]
fn the_other_kind_and_the_other_layout_are_named() {
    let archive = Archive::build(&instances(), 1).expect("valid");
    let error = Archive::<RuleTable>::copy_from(archive.bytes()).expect_err("another kind");
    assert!(matches!(error, ArchiveError::Kind { found: 2, .. }), "{error}");
    let mut bytes = archive.bytes().to_vec();
    bytes[8] ^= 1;
    let error = Archive::<InstanceTable>::copy_from(&resealed(bytes)).expect_err("another layout");
    assert!(error.to_string().contains("run the same version"), "{error}");
}

#[test]
fn every_truncation_is_refused() {
    let archive = Archive::build(&rules(), 1).expect("valid");
    for end in 0..archive.bytes().len() {
        let cut = archive.bytes()[..end].to_vec();
        assert!(Archive::<RuleTable>::copy_from(&cut).is_err(), "{end}");
        // A forger fixes length and checksum too; what then opens must be safe to read, so it is read.
        if let Some(body) = end.checked_sub(HEADER_BYTES) {
            let mut forged = cut;
            forged[24..32].copy_from_slice(&(body as u64).to_le_bytes());
            assert!(Archive::<RuleTable>::copy_from(&resealed(forged)).is_err(), "{end} forged");
        }
    }
}

#[test]
fn a_property_beyond_the_last_is_refused() {
    let with = |property| {
        let mut table = rules();
        table.attributes[0].sources[0].part = PartRow::Device(property);
        Archive::build(&table, 1).expect("valid").bytes().to_vec()
    };
    let (first, last) = (with(DeviceProperty::Os), with(DeviceProperty::Model));
    let differs = |at: &usize| first[*at] != last[*at];
    let places: Vec<usize> = (HEADER_BYTES..first.len()).filter(differs).collect();
    let [at] = places[..] else { panic!("{places:?}") };
    assert_eq!(usize::from(last[at]), DeviceProperty::ALL.len() - 1);
    for beyond in [last[at] + 1, 0xff] {
        let mut bytes = last.clone();
        bytes[at] = beyond;
        assert!(Archive::<RuleTable>::copy_from(&resealed(bytes)).is_err(), "{beyond}");
    }
}

#[test]
fn every_flipped_bit_is_refused_by_the_checksum() {
    let archive = Archive::build(&instances(), 1).expect("valid");
    for bit in 0..archive.bytes().len() * 8 {
        let mut bytes = archive.bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(Archive::<InstanceTable>::copy_from(&bytes).is_err(), "bit {bit}");
    }
}

fn header(name: &str, value: &str) -> ConditionRow {
    ConditionRow::Header(ValueRow { name: name.into(), value: WantedRow::Exact(value.into()) })
}

fn nested(table: &mut RuleTable) -> &mut NestedRow {
    table.releases[0].targets[1].nested.as_mut().expect("a nested table")
}

fn tag(table: &mut RuleTable, row: usize, id: u32, name: &str) {
    table.attributes[row].sources[0].part = PartRow::Tag { id, name: name.to_owned() };
}

fn geohash(table: &mut RuleTable, position: PositionRow, precision: u8) {
    table.attributes[3].sources[1].part = PartRow::Geohash { position, precision };
}

fn claim(table: &mut RuleTable, name: &str, issuer: Option<&str>) {
    table.attributes[3].sources[3].part =
        PartRow::Claim { name: name.to_owned(), issuer: issuer.map(str::to_owned) };
}

fn circle(table: &mut RuleTable) -> &mut WithinRow {
    match &mut table.segments[0].when.nodes[31] {
        NodeRow::Within(circle) => circle,
        other => panic!("{other:?}"),
    }
}

#[test]
fn meaningless_tables_are_refused() {
    type Break = fn(&mut RuleTable);
    let breaks: [(&str, Break); 105] = [
        ("host order", |t| t.hosts.push(HostRow { name: "a".into(), routes: Span::default() })),
        ("host case", |t| t.hosts[0].name = "A".into()),
        ("host span", |t| t.hosts[0].routes.end = 9),
        ("span order", |t| t.any_host = Span { start: 2, end: 1 }),
        ("wildcard form", |t| t.wildcards[0].name = "example.com".into()),
        ("route release", |t| t.routes[0].release = 1),
        ("route variant", |t| t.routes[2].variant = 2),
        ("path form", |t| t.routes[0].path = PathRow::Exact("user".into())),
        ("prefix form", |t| t.routes[1].path = PathRow::Prefix("/user/".into())),
        ("method", |t| t.routes[1].conditions = vec![ConditionRow::Method(String::new())]),
        ("condition path", |t| {
            t.routes[1].conditions = vec![ConditionRow::Path(PathRow::Exact(String::new()))]
        }),
        ("header case", |t| t.routes[1].conditions = vec![header("X-Qa", "1")]),
        ("header value", |t| t.routes[1].conditions = vec![header("x-qa", &"1".repeat(5000))]),
        ("query name", |t| {
            let nameless = ValueRow { name: String::new(), value: WantedRow::Exact("1".into()) };
            t.routes[1].conditions = vec![ConditionRow::Query(nameless)]
        }),
        ("condition host", |t| {
            t.routes[1].conditions = vec![ConditionRow::Hosts(vec!["A".into()])]
        }),
        ("range bits", |t| {
            let range = AddressRangeRow::V4([0; 4], 33);
            t.routes[1].conditions = vec![ConditionRow::Sources(vec![range])]
        }),
        ("conditions", |t| t.routes[1].conditions = vec![header("x-qa", "1"); 100]),
        ("path regex", |t| t.routes[2].path = PathRow::Regex(3)),
        ("value regex", |t| {
            let row = ValueRow { name: "x".into(), value: WantedRow::Regex(3) };
            t.releases[0].targets[0].conditions = vec![ConditionRow::Cookie(row)]
        }),
        ("regex bytes", |t| t.regexes[1].dfa.truncate(40)),
        ("regex size", |t| t.regexes[1].dfa = vec![0; 300 << 10]),
        ("variants", |t| t.releases[0].variants = Span { start: 1, end: 3 }),
        ("no variants", |t| t.releases[0].variants = Span { start: 1, end: 1 }),
        ("unit", |t| t.releases[0].units = vec![4]),
        ("default", |t| t.releases[0].default = ChoiceRow::Variant(2)),
        ("range order", |t| {
            t.releases[0].default =
                ChoiceRow::Split(vec![RangeRow { start: 5, end: 5, variant: 1, taken: 0 }])
        }),
        ("range end", |t| {
            t.releases[0].default =
                ChoiceRow::Split(vec![RangeRow { start: 5, end: 1_000_001, variant: 1, taken: 0 }])
        }),
        ("fallbacks", |t| t.releases[0].on_no_healthy.truncate(1)),
        ("stable's fallback", |t| t.releases[0].on_no_healthy[0] = OnNoHealthyRow::FallbackStable),
        ("target", |t| t.releases[0].targets[0].choices[0] = ChoiceRow::Variant(2)),
        ("target id", |t| t.releases[0].targets[0].id = "x".repeat(300)),
        ("target condition", |t| t.releases[0].targets[0].conditions = vec![header("X", "1")]),
        ("override", |t| t.releases[0].overrides[0].header = "X-Upper".into()),
        ("source", |t| t.attributes[0].sources[0].part = PartRow::Header(String::new())),
        ("source", |t| t.attributes[0].sources[0].part = PartRow::PathSegment(0)),
        ("source", |t| t.attributes[0].sources[0].part = PartRow::SignedCookie(String::new())),
        ("source", |t| t.attributes[0].sources[0].part = PartRow::SignedCookie("x".repeat(300))),
        ("tag", |t| tag(t, 0, 0, "age")),
        ("tag", |t| tag(t, 1, 4, "age")),
        ("tag of a cell", |t| tag(t, 1, 3, "age")),
        ("field", |t| t.attributes[3].sources[0].part = PartRow::Geo { field: 16, lang: 0 }),
        ("language", |t| t.attributes[3].sources[0].part = PartRow::Geo { field: 0, lang: 11 }),
        ("claim", |t| claim(t, "", None)),
        ("claim", |t| claim(t, &"x".repeat(300), None)),
        ("issuer", |t| claim(t, "sub", Some(""))),
        ("issuer", |t| claim(t, "sub", Some("a\nb"))),
        ("issuer", |t| claim(t, "sub", Some(&"x".repeat(513)))),
        ("letters", |t| geohash(t, SAID, 0)),
        ("letters", |t| geohash(t, SAID, 13)),
        ("one side", |t| geohash(t, PositionRow { longitude: NONE, ..SAID }, 5)),
        ("one side", |t| geohash(t, PositionRow { latitude: NONE, ..SAID }, 5)),
        ("position", |t| geohash(t, PositionRow { latitude: 4, ..SAID }, 5)),
        ("position of a cell", |t| geohash(t, PositionRow { latitude: 3, ..SAID }, 5)),
        ("position", |t| circle(t).position.longitude = 4),
        ("position of a cell", |t| circle(t).position.longitude = 3),
        ("centre", |t| circle(t).latitude = 90.5),
        ("centre", |t| circle(t).longitude = f64::NAN),
        ("radius", |t| circle(t).km = -1.0),
        ("radius", |t| circle(t).km = f64::INFINITY),
        ("position of an expression", |t| {
            let part = PartRow::Geohash {
                position: PositionRow { latitude: 3, longitude: 3 },
                precision: 1,
            };
            t.segments[0].when.nodes[33] = NodeRow::Part(part);
        }),
        ("member", |t| {
            t.segments[0].when.nodes[36] = NodeRow::Member { id: 4, list: "staff".into() };
        }),
        ("list", |t| {
            t.segments[0].when.nodes[36] = NodeRow::Member { id: 0, list: "a/b".into() };
        }),
        ("list", |t| {
            t.segments[0].when.nodes[36] = NodeRow::Member { id: 0, list: "x".repeat(300) };
        }),
        ("tag", |t| tag(t, 1, 0, &"x".repeat(300))),
        ("tag", |t| {
            t.segments[0].when.nodes[1] = NodeRow::Part(PartRow::Tag { id: 0, name: "age".into() });
        }),
        ("default", |t| t.attributes[1].default = Some("x".repeat(2_000))),
        ("tenant", |t| t.routes[0].tenant = 1),
        ("baggage", |t| t.tenants[0].baggage.reverse()),
        ("baggage", |t| t.tenants[0].baggage[1] = "release.user-v2".into()),
        ("baggage", |t| t.tenants[0].baggage[1] = "User".into()),
        ("baggage", |t| t.tenants[0].baggage[1] = "us%65r".into()),
        ("baggage", |t| t.releases[0].baggage = Some("a\r\nb".into())),
        ("baggage", |t| t.releases[0].baggage = Some(String::new())),
        ("baggage", |t| t.releases[0].baggage = Some("x".repeat(300))),
        // What is written into heads as it is: baggage, and the cookies of pins.
        ("baggage", |t| t.variants[0].name = "a\r\nb".into()),
        ("baggage", |t| t.variants[0].name = "a,user=1".into()),
        ("pin", |t| {
            (t.releases[0].baggage, t.releases[0].pins) = (None, Some(1));
            t.variants[0].name = "a; Domain=b".into();
        }),
        ("pin", |t| {
            (t.releases[0].baggage, t.releases[0].pins) = (None, Some(1));
            t.releases[0].name = "a\r\nb".into();
        }),
        ("reserved", |t| t.tenants[0].reserved = vec!["content-length".into()]),
        ("operand", |t| t.segments[0].when.nodes[1] = NodeRow::Negate(1)),
        ("operand", |t| t.segments[0].when.nodes[1] = NodeRow::Negate(9)),
        ("used twice", |t| t.segments[0].when.nodes[7] = NodeRow::Or(4, 4)),
        ("segment of itself", |t| t.segments[1].when.nodes[0] = NodeRow::Segment(1)),
        ("no nodes", |t| t.segments[1].when.nodes.clear()),
        ("attribute", |t| t.segments[0].when.nodes[0] = NodeRow::Attribute(4)),
        ("regex", |t| t.segments[0].when.nodes[15] = NodeRow::Matches(14, 3)),
        ("order", |t| t.segments[0].when.nodes[4] = NodeRow::InInts(3, vec![7, 0])),
        ("range", |t| {
            t.segments[0].when.nodes[9] = NodeRow::InRange(8, AddressRangeRow::V4([0; 4], 33));
        }),
        ("slashes", |t| t.prefix_slashes = 65),
        ("slashes", |t| t.prefix_slashes = 0),
        ("route order", |t| t.routes.swap(1, 2)),
        ("choices", |t| t.releases[0].targets[0].choices.clear()),
        ("cells", |t| nested(t).cells.truncate(3)),
        ("levels", |t| nested(t).attributes.clear()),
        ("levels", |t| nested(t).attributes = vec![0; 7]),
        ("level", |t| nested(t).attributes[0] = 4),
        ("node", |t| nested(t).nodes[0].any = 3),
        ("node of two", |t| nested(t).nodes[0].any = 1),
        ("node above", |t| nested(t).nodes[0].any = 0),
        ("node of none", |t| nested(t).nodes[0].any = NONE),
        ("no node", |t| nested(t).nodes.clear()),
        ("cell", |t| nested(t).nodes[2].any = 4),
        ("value order", |t| nested(t).nodes[1].values.reverse()),
        ("values", |t| nested(t).nodes[1].values.truncate(1)),
        ("costly", |t| {
            // Each doubles what it costs to ask the one before it.
            for at in 1..16 {
                let nodes = vec![NodeRow::Segment(at), NodeRow::Segment(at), NodeRow::Or(0, 1)];
                let when = ExpressionRow { text: String::new(), nodes };
                t.segments.push(SegmentRow { when, ..t.segments[1].clone() });
            }
        }),
    ];
    for (what, spoil) in breaks {
        let mut table = rules();
        spoil(&mut table);
        let error = Archive::build(&table, 1).expect_err(what);
        assert!(matches!(error, ArchiveError::Meaning(_)), "{what}: {error}");
    }
    let mut table = instances();
    table.sets[1].instances[1].weight_end = 1;
    assert!(Archive::build(&table, 1).is_err(), "weights");
    table.sets[1].instances[1].addresses.clear();
    assert!(Archive::build(&table, 1).is_err(), "addresses");
}

/// Flips bytes behind the checksum, so that the verifier is what is tested: `ARCHIVE_FLIPS` archives,
/// from `ARCHIVE_SEED`.
#[test]
fn forged_bytes_never_panic() {
    #[expect(clippy::disallowed_methods, reason = "a test is told how much to do")]
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("ARCHIVE_SEED").unwrap_or_else(|| std::process::id().into());
    let flips = number("ARCHIVE_FLIPS").unwrap_or(100_000);
    println!("ARCHIVE_SEED={seed} ARCHIVE_FLIPS={flips}");
    let (rules, instances) = (
        Archive::build(&rules(), 1).expect("valid").bytes().to_vec(),
        Archive::build(&instances(), 1).expect("valid").bytes().to_vec(),
    );
    let mut state = seed;
    let mut next = move || {
        // splitmix64 (Steele et al. 2014).
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((word ^ (word >> 31)) >> 1).expect("63 bits")
    };
    let mut opened = 0;
    for _ in 0..flips {
        let is_rules = !next().is_multiple_of(4);
        let mut bytes = if is_rules { rules.clone() } else { instances.clone() };
        for _ in 0..=next() % 3 {
            // The header is behind the checksum, too; only the checksum itself is made anew.
            let at = next() % bytes.len();
            match next() % 3 {
                0 => bytes[at] ^= 1 << (next() % 8),
                _ => bytes[at] = u8::try_from(next() % 256).expect("a byte"),
            }
        }
        let bytes = resealed(bytes);
        // What opens in spite of it must be safe to decide with.
        if !is_rules {
            opened += u64::from(Archive::<InstanceTable>::copy_from(&bytes).is_ok());
        } else if let Ok(archive) = Archive::<RuleTable>::copy_from(&bytes) {
            opened += 1;
            decide_with(&archive);
        }
    }
    println!("{opened} of {flips} are tables all the same");
    assert!(flips < 1_000 || (1..flips).contains(&opened), "{opened} of {flips}");
}

fn decide_with(archive: &Archive<RuleTable>) {
    for (host, path) in [("a.example.com", "/user"), ("b.example.com", "/user/x"), ("", "/")] {
        let headers = [
            crate::http::Header { name: "cookie", value: b"uid=u7" },
            crate::http::Header { name: "baggage", value: b"release.user-v2=canary,%75ser=1,c=d" },
            crate::http::Header { name: "User-Agent", value: b"App (Android 14; Pixel 8)" },
        ];
        let bare = Bare::default();
        let view = crate::route::RequestView {
            host: host.as_bytes(),
            path: path.as_bytes(),
            query: b"user=1",
            headers: &headers,
            trusted: true,
            ..bare.view()
        };
        if let Some(decision) = crate::route::route(archive.rules(), &view, 1, 0) {
            let variants = archive.table().variants.len();
            assert!((decision.variant as usize) < variants);
            for trusted in [true, false] {
                let plan = (&decision, decision.variant, &headers[..], trusted);
                let _ = crate::route::baggage(archive.table(), plan.0, plan.1, plan.2, plan.3);
            }
            let fallback = crate::route::fallback(archive.table(), &decision);
            assert!(fallback.is_none_or(|variant| (variant as usize) < variants));
        }
    }
    archive.read().expect("what can be read in place can be copied");
}
