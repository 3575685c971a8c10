//! Generated expressions mean what the `cel` crate's interpreter says.
//!
//! Owns a generator of well-typed expressions over five attributes that may be missing, and the
//! interpreter's view of them: an attribute that is missing is a variable that is not declared.
//! `EXPRESSIONS` asks for more, `EXPRESSION_SEED` replays.

use cel::{Context, Program};

use super::*;

/// splitmix64 (Steele et al. 2014).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % bound
    }

    fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).expect("small")]
    }

    fn bool(&mut self, depth: u64) -> String {
        if depth == 0 {
            return self.one_of(&["vip", "true", "false", "has(m.x)"]).replace("has(m.x)", "vip");
        }
        let below = depth - 1;
        match self.below(12) {
            0 | 1 => format!("({} && {})", self.bool(below), self.bool(below)),
            2 | 3 => format!("({} || {})", self.bool(below), self.bool(below)),
            4 => format!("!({})", self.bool(below)),
            5 => format!("({} ? {} : {})", self.bool(below), self.bool(below), self.bool(below)),
            6 => {
                let compare = self.one_of(&["==", "!=", "<", "<=", ">", ">="]);
                format!("{} {compare} {}", self.int(below), self.int(below))
            }
            7 => {
                let compare = self.one_of(&["==", "!=", "<", "<=", ">", ">="]);
                let (a, b) = if self.below(2) == 0 {
                    (self.int(below), self.double(below))
                } else {
                    (self.double(below), self.double(below))
                };
                format!("{a} {compare} {b}")
            }
            8 => {
                let compare = self.one_of(&["==", "!=", "<", ">="]);
                format!("{} {compare} {}", self.string(), self.string())
            }
            9 => {
                let affix = self.one_of(&["startsWith", "endsWith", "contains"]);
                format!("{}.{affix}({})", self.string(), self.string())
            }
            10 => format!(
                "{} in {}",
                self.string(),
                self.one_of(&["['北京', '上海']", "['', 'a', 'ab']", "[]"])
            ),
            _ => match self.below(3) {
                0 => format!(
                    "{} in {}",
                    self.int(below),
                    self.one_of(&["[1, 2, 3]", "[-1, 0, 18, 19]"])
                ),
                1 => {
                    let pattern = self.one_of(&["^a", "b$", "[0-9]+", "京|海", "^.$"]);
                    format!("{}.matches('{pattern}')", self.string())
                }
                _ => {
                    format!("{} in {}", self.double(below), self.one_of(&["[0.5, 1.0]", "[1, 2]"]))
                }
            },
        }
    }

    fn int(&mut self, depth: u64) -> String {
        if depth == 0 || self.below(3) == 0 {
            return self.one_of(&["age", "0", "1", "18", "-1", "9223372036854775807"]).to_owned();
        }
        match self.below(4) {
            0 => format!("size({})", self.string()),
            1 => format!("-({})", self.int(depth - 1)),
            _ => {
                let calculate = self.one_of(&["+", "-", "*", "/", "%"]);
                format!("({} {calculate} {})", self.int(depth - 1), self.int(depth - 1))
            }
        }
    }

    fn double(&mut self, depth: u64) -> String {
        if depth == 0 || self.below(2) == 0 {
            return self.one_of(&["score", "0.5", "1.0", "-2.25", "0.0"]).to_owned();
        }
        let calculate = self.one_of(&["+", "-", "*", "/"]);
        // Never by zero: the interpreter finds that comparing what is not a number fails, where CEL says that it is false.
        let by = if calculate == "/" {
            self.one_of(&["0.5", "-2.25"]).to_owned()
        } else {
            self.double(depth - 1)
        };
        format!("({} {calculate} {by})", self.double(depth - 1))
    }

    fn string(&mut self) -> String {
        self.one_of(&["city", "level", "'a'", "'ab'", "''", "'北京'", "\"海\"", "'7'"]).to_owned()
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a seed is asked for by the environment")]
fn generated_expressions_mean_what_the_interpreter_says() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("EXPRESSION_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let count = number("EXPRESSIONS").unwrap_or(1_500);
    println!("EXPRESSION_SEED={seed} EXPRESSIONS={count}");
    let mut seeded = Seeded(seed);
    let (mut took, mut failed) = (0, 0);
    for _ in 0..count {
        let depth = 1 + seeded.below(4);
        let expression = seeded.bool(depth);
        let table = compiled(&expression);
        let program = Program::compile(&expression).expect("the interpreter reads it, too");
        for _ in 0..6 {
            let (age, score) = (
                seeded.one_of(&[None, Some(0), Some(18), Some(19), Some(-3)]),
                seeded.one_of(&[None, Some(0.5), Some(-2.25)]),
            );
            let (vip, city) = (
                seeded.one_of(&[None, Some(true), Some(false)]),
                seeded.one_of(&[None, Some("北京"), Some("a"), Some("深圳")]),
            );
            let level = seeded.one_of(&[None, Some("ab"), Some("7")]);
            let (age_text, score_text) =
                (age.map(|age: i64| age.to_string()), score.map(|score: f64| score.to_string()));
            let vip_text = vip.map(|vip: bool| vip.to_string());
            let named = [
                ("x-age", age_text.as_deref()),
                ("x-score", score_text.as_deref()),
                ("x-vip", vip_text.as_deref()),
                ("x-city", city),
                ("x-level", level),
            ];
            let fields: Vec<(&str, &str)> =
                named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            let mut context = Context::default();
            age.iter().for_each(|age| context.add_variable("age", *age).expect("a number"));
            score.iter().for_each(|score| context.add_variable("score", *score).expect("a number"));
            vip.iter().for_each(|vip| context.add_variable("vip", *vip).expect("a truth"));
            city.iter()
                .for_each(|city| context.add_variable("city", city.to_string()).expect("text"));
            level
                .iter()
                .for_each(|level| context.add_variable("level", level.to_string()).expect("text"));
            let expected = program.execute(&context);
            failed += u64::from(expected.is_err());
            let expected = matches!(expected, Ok(cel::Value::Bool(true)));
            took += u64::from(expected);
            assert_eq!(
                takes(&table, &fields),
                expected,
                "EXPRESSION_SEED={seed}\n{expression}\n{fields:?}"
            );
        }
    }
    println!("{took} held, {failed} could not be told, of {}", count * 6);
    assert!(count < 1_000 || (took * 20 > count && failed * 20 > count), "{took} {failed}");
}
