//! Models: who makes them, and which are tablets.
//!
//! Owns the beginnings of model names that one maker alone uses. A name that several share has no brand.

use super::{agent::Agent, text::Model};

/// Beginnings of model names, in lower case, and who makes what is called so.
const MAKERS: [(&str, &str); 62] = [
    ("sm-", "samsung"),
    ("gt-", "samsung"),
    ("sch-", "samsung"),
    ("shv-", "samsung"),
    ("galaxy", "samsung"),
    ("samsung", "samsung"),
    ("pixel", "google"),
    ("nexus", "google"),
    ("redmi", "xiaomi"),
    ("poco", "xiaomi"),
    ("xiaomi", "xiaomi"),
    ("mi ", "xiaomi"),
    ("mix ", "xiaomi"),
    ("m20", "xiaomi"),
    ("m21", "xiaomi"),
    ("mitv", "xiaomi"),
    ("huawei", "huawei"),
    ("matepad", "huawei"),
    ("mediapad", "huawei"),
    ("honor", "honor"),
    ("oppo", "oppo"),
    ("cph", "oppo"),
    ("vivo", "vivo"),
    ("iqoo", "vivo"),
    ("oneplus", "oneplus"),
    ("rmx", "realme"),
    ("realme", "realme"),
    ("moto", "motorola"),
    ("xt", "motorola"),
    ("xperia", "sony"),
    ("sony", "sony"),
    ("so-", "sony"),
    ("xq-", "sony"),
    ("bravia", "sony"),
    ("lm-", "lg"),
    ("lg-", "lg"),
    ("nokia", "nokia"),
    ("ta-1", "nokia"),
    ("asus", "asus"),
    ("zte", "zte"),
    ("nubia", "nubia"),
    ("meizu", "meizu"),
    ("lenovo", "lenovo"),
    ("tb-", "lenovo"),
    ("tecno", "tecno"),
    ("infinix", "infinix"),
    ("itel", "itel"),
    ("kf", "amazon"),
    ("aft", "amazon"),
    ("kindle", "amazon"),
    ("hisense", "hisense"),
    ("sharp", "sharp"),
    ("sh-", "sharp"),
    ("htc", "htc"),
    ("lumia", "microsoft"),
    ("surface", "microsoft"),
    ("quest", "meta"),
    ("tcl", "tcl"),
    ("alcatel", "tcl"),
    ("blackberry", "blackberry"),
    ("nothing", "nothing"),
    ("iphone", "apple"),
];
/// Beginnings of the names of tablets.
const TABLETS: [&str; 9] =
    ["sm-t", "sm-x", "sm-p", "tb-", "kf", "matepad", "mediapad", "ipad", "pixel tablet"];
/// Words in the names of tablets.
const TABLET_WORDS: [&str; 3] = ["pad", "tab", "tablet"];

/// Returns who makes a model, if its name, or what else the client says, tells.
pub(super) fn brand(model: &Model, agent: &Agent) -> Option<&'static str> {
    let name = model.as_str();
    let starts = |start: &str| {
        name.get(..start.len()).is_some_and(|front| front.eq_ignore_ascii_case(start))
    };
    let by_name = MAKERS.iter().find(|(start, _)| starts(start)).map(|(_, brand)| *brand);
    by_name.or(agent.brand).or_else(|| shape(name.as_bytes()))
}

/// Returns whether a model is a tablet by its name.
pub(super) fn is_tablet(model: &Model) -> bool {
    let name = model.as_str();
    let starts = |start: &&str| {
        name.get(..start.len()).is_some_and(|front| front.eq_ignore_ascii_case(start))
    };
    let is_word = |word: &str| TABLET_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known));
    TABLETS.iter().any(starts) || name.split([' ', '-', '_']).any(is_word)
}

/// Tells the makers that number their models: vivo's `V2241A`, and Xiaomi's, which begin with a year, `23127PN0CC`.
fn shape(name: &[u8]) -> Option<&'static str> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match name {
        [b'V', rest @ ..] if digits(rest) == 4 && (rest.len() == 4 || rest[4..] == *b"A") => {
            Some("vivo")
        }
        [b'2', b'1'..=b'9', ..]
            if (4..=8).contains(&digits(name))
                && (9..=12).contains(&name.len())
                && name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) =>
        {
            Some("xiaomi")
        }
        _ => None,
    }
}
