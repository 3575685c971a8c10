//! Values in the data section.
//!
//! Owns their encoding: a control byte with type and size, then the bytes (specification, "Data Field Format").

/// A value of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// UTF-8 text.
    Text(String),
    /// A 64-bit floating point number.
    Double(f64),
    /// A 16-bit unsigned integer.
    U16(u16),
    /// A 32-bit unsigned integer.
    U32(u32),
    /// A 64-bit unsigned integer.
    U64(u64),
    /// Values by name, in the order they are written.
    Map(Vec<(String, Value)>),
    /// Values in order.
    Array(Vec<Value>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Value {
    /// Makes a map.
    #[must_use]
    pub fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => bytes(2, text.as_bytes(), out),
            Self::Double(value) => bytes(3, &value.to_be_bytes(), out),
            Self::U16(value) => bytes(5, short(&value.to_be_bytes()), out),
            Self::U32(value) => bytes(6, short(&value.to_be_bytes()), out),
            Self::U64(value) => bytes(9, short(&value.to_be_bytes()), out),
            Self::Map(entries) => {
                control(7, entries.len(), out);
                for (name, value) in entries {
                    bytes(2, name.as_bytes(), out);
                    value.encode(out);
                }
            }
            Self::Array(items) => {
                control(11, items.len(), out);
                items.iter().for_each(|item| item.encode(out));
            }
        }
    }
}

/// Leading zeros are not written.
fn short(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

fn bytes(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    control(kind, bytes.len(), out);
    out.extend(bytes);
}

/// Types above 7 have a byte of their own; sizes above 28 have one to three.
fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    let size = u32::try_from(size).expect("a small value");
    let (short, rest): (u8, Vec<u8>) = match size {
        0..29 => (u8::try_from(size).expect("below 29"), Vec::new()),
        29..285 => (29, vec![u8::try_from(size - 29).expect("a byte")]),
        285..65_821 => (30, (size - 285).to_be_bytes()[2..].to_vec()),
        _ => (31, (size - 65_821).to_be_bytes()[1..].to_vec()),
    };
    if kind <= 7 {
        out.push(kind << 5 | short);
    } else {
        out.extend([short, kind - 7]);
    }
    out.extend(rest);
}
