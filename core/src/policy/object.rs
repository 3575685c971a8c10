//! Objects of a bundle: what has a name of its own and can be changed alone.
//!
//! Owns the collections there are, and how an object gets into a bundle and out of it. Does not judge what comes
//! of that ([`super::Judged`] does).
//!
//! Invariant: a bundle made by changing objects is the bundle that would have been written as a whole.

use std::sync::Arc;

use super::{Attribute, Bundle, Release, Route, Segment, Upstream, canonical::canonical_object};

/// A collection of objects in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// Named values.
    Attributes,
    /// Named audiences.
    Segments,
    /// Where requests can go.
    Upstreams,
    /// What is being rolled out.
    Releases,
    /// Which request takes which release or upstream.
    Routes,
}

/// One object of a bundle; a route has its name in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A named value.
    Attribute(Attribute),
    /// A named audience.
    Segment(Segment),
    /// The variants of one service.
    Upstream(Upstream),
    /// The thing being rolled out.
    Release(Arc<Release>),
    /// A named set of rules.
    Route(Arc<Route>),
}

impl Collection {
    /// Every collection.
    pub const ALL: [Self; 5] =
        [Self::Attributes, Self::Segments, Self::Upstreams, Self::Releases, Self::Routes];

    /// Returns the field of a bundle it is.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Attributes => "attributes",
            Self::Segments => "segments",
            Self::Upstreams => "upstreams",
            Self::Releases => "releases",
            Self::Routes => "routes",
        }
    }

    /// Returns the collection that is this field of a bundle.
    #[must_use]
    pub fn of_field(field: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.field() == field)
    }

    /// Returns the object of this name in its canonical form; nothing when it is not there.
    #[must_use]
    pub fn show(self, bundle: &Bundle, name: &str) -> Option<String> {
        canonical_object(bundle, self, name)
    }

    /// Returns the path, in diagnostics, of the object of this name; where it is not there, of where it would be.
    #[must_use]
    pub fn path(self, bundle: &Bundle, name: &str) -> String {
        match self {
            Self::Routes => {
                let at = bundle.routes.iter().position(|route| route.name == name);
                format!("routes[{}]", at.unwrap_or(bundle.routes.len()))
            }
            _ => format!("{}.{name}", self.field()),
        }
    }

    /// Takes the object of this name out of the bundle; returns whether it was there.
    pub fn remove(self, bundle: &mut Bundle, name: &str) -> bool {
        match self {
            Self::Attributes => bundle.attributes.remove(name).is_some(),
            Self::Segments => bundle.segments.remove(name).is_some(),
            Self::Upstreams => bundle.upstreams.remove(name).is_some(),
            Self::Releases => bundle.releases.remove(name).is_some(),
            Self::Routes => {
                let at = bundle.routes.iter().position(|route| route.name == name);
                at.map(|at| bundle.routes.remove(at)).is_some()
            }
        }
    }
}

impl Object {
    /// Puts it into a bundle, in the place of the one of this name; a new route becomes the last.
    pub fn put(self, bundle: &mut Bundle, name: &str) {
        let name = name.to_owned();
        match self {
            Self::Attribute(attribute) => drop(bundle.attributes.insert(name, attribute)),
            Self::Segment(segment) => drop(bundle.segments.insert(name, segment)),
            Self::Upstream(upstream) => drop(bundle.upstreams.insert(name, upstream)),
            Self::Release(release) => drop(bundle.releases.insert(name, release)),
            Self::Route(route) => match bundle.routes.iter_mut().find(|known| known.name == name) {
                Some(known) => *known = route,
                None => bundle.routes.push(route),
            },
        }
    }
}
