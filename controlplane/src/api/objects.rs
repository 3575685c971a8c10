//! `/v1/tenants/{tenant}/bundle/{collection}/{name}`: one object of a bundle, changed alone.
//!
//! Owns the resource and its conditions, which are about the object and not about the bundle. What comes of a change
//! is a bundle like any other: judged, stored and published as if all of it had been put.
//!
//! Invariants:
//! - a change is made to the bundle its tenant has in that turn: two objects changed at once are both changed;
//! - what is wrong is told with its path in the bundle, and with its place where that is in what was sent.

use axum::{
    extract::{Path, State as Extract, rejection::PathRejection},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, ETAG},
    },
    response::{IntoResponse as _, Response},
};
use halftone_core::policy::{Bundle, Collection, Diagnostic, Judged, Object};
use serde::de::DeserializeOwned;

use super::{
    Context,
    body::{Body, Parameters},
    bundles::{Taken, Wanted, answer, conditions, etag, unknown, wanted_format},
    problem::Problem,
};
use crate::{
    conditions::Conditions,
    source::{Format, Root, SourceError, read_object},
    state::{Asked, Origin, State, StateError},
};

/// How often a change is tried again when another one was faster.
const TRIES_MAX: usize = 16;

/// Which object of whose bundle.
#[derive(Clone)]
pub(crate) struct Named {
    tenant: String,
    collection: Collection,
    name: String,
}

type NamedPath = Result<Path<(String, String, String)>, PathRejection>;

impl Named {
    fn read(path: NamedPath) -> Result<Self, Problem> {
        let Path((tenant, field, name)) =
            path.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        let fields = Collection::ALL.map(Collection::field).join(", ");
        let collection = Collection::of_field(&field).ok_or_else(|| {
            Problem::not_found(&format!("a bundle has no {field:?}; it has {fields}"))
        })?;
        Ok(Self { tenant, collection, name })
    }

    /// Returns the object, given the bundle it is in.
    fn show(&self, judged: &Judged) -> Option<String> {
        self.collection.show(judged.bundle(), &self.name)
    }

    fn missing(&self) -> Problem {
        let Self { tenant, collection, name } = self;
        Problem::not_found(&format!(
            "the bundle of {tenant:?} has no {}.{name}",
            collection.field()
        ))
    }

    /// Checks what has to hold of the object as it is.
    fn check(&self, conditions: &Conditions, current: Option<&str>) -> Result<(), Problem> {
        let digest = current.map(digest);
        if conditions.hold(digest.as_deref()) {
            return Ok(());
        }
        let path = format!("{}.{}", self.collection.field(), self.name);
        let there = if current.is_some() { "is another one" } else { "is not there" };
        Err(Problem::condition(&format!("{path} {there}, so the condition does not hold"), digest))
    }
}

/// Shows an object in its canonical form; the digest of that is the `ETag`.
pub(crate) async fn show(
    Extract(context): Extract<Context>,
    path: NamedPath,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (named, conditions) = (Named::read(path)?, conditions(&headers)?);
    let judged = context.state.shown(&named.tenant).ok_or_else(|| unknown(&named.tenant))?;
    let text = named.show(&judged).ok_or_else(|| named.missing())?;
    let tag = [(ETAG, etag(&digest(&text))?)];
    if let Err(problem) = named.check(&conditions, Some(&text)) {
        return Ok(match conditions.matches_none {
            Some(_) => (StatusCode::NOT_MODIFIED, tag).into_response(),
            None => problem.into_response(),
        });
    }
    let media_type = HeaderValue::from_static("application/json");
    Ok((tag, [(CONTENT_TYPE, media_type)], text).into_response())
}

/// Puts an object into the bundle, new or in the place of the one of its name; with `dryRun`, nothing is changed.
pub(crate) async fn replace(
    Extract(context): Extract<Context>,
    path: NamedPath,
    Parameters(wanted): Parameters<Wanted>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let named = Named::read(path)?;
    let format = wanted_format(&headers)?;
    let (conditions, asked) = (conditions(&headers)?, Asked::now(Origin::Rest));
    let (of, stages) = (named.clone(), asked.stages.clone());
    let put = context.blocking(move |state| {
        let (object, root) = of.read_object(state, &body, format)?;
        let edit = |bundle: &mut Bundle| {
            object.clone().put(bundle, &of.name);
            Ok(())
        };
        of.change(state, (&wanted, &conditions, &asked), &root, &edit)
    });
    let put = put.await?;
    let put = if wanted.is_dry() { put } else { context.counted(&Origin::Rest, put) };
    answer(&context, &named.tenant, put?, &stages).await
}

/// Takes an object out of the bundle.
pub(crate) async fn delete(
    Extract(context): Extract<Context>,
    path: NamedPath,
    Parameters(wanted): Parameters<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let named = Named::read(path)?;
    let (conditions, asked) = (conditions(&headers)?, Asked::now(Origin::Rest));
    let (of, stages) = (named.clone(), asked.stages.clone());
    let put = context.blocking(move |state| {
        let edit = |bundle: &mut Bundle| match of.collection.remove(bundle, &of.name) {
            true => Ok(()),
            false => Err(of.missing()),
        };
        of.change(state, (&wanted, &conditions, &asked), &Root::nothing(), &edit)
    });
    answer(&context, &named.tenant, put.await??, &stages).await
}

impl Named {
    fn read_object(
        &self,
        state: &State,
        body: &[u8],
        format: Format,
    ) -> Result<(Object, Root), Problem> {
        let read = match self.collection {
            Collection::Attributes => of(body, format, Object::Attribute),
            Collection::Segments => of(body, format, Object::Segment),
            Collection::Upstreams => of(body, format, Object::Upstream),
            Collection::Releases => of(body, format, Object::Release),
            Collection::Routes => of(body, format, Object::Route),
        };
        let path = || {
            let judged = state.judged(&self.tenant);
            judged.map_or_else(
                || format!("{}.{}", self.collection.field(), self.name),
                |judged| self.collection.path(judged.bundle(), &self.name),
            )
        };
        let (object, root) = read.map_err(|error| match error {
            SourceError::Invalid(problems) => {
                let path = path();
                let whole = |one: Diagnostic| Diagnostic { path: below(&path, &one.path), ..one };
                SourceError::Invalid(problems.into_iter().map(whole).collect())
            }
            other => other,
        })?;
        match &object {
            Object::Route(route) if route.name != self.name => {
                let message =
                    format!("expected {:?}, the name of the path, got {:?}", self.name, route.name);
                let problem = root.place(Diagnostic::new("name", message));
                let problem = Diagnostic { path: below(&path(), "name"), ..problem };
                Err(Problem::invalid("the route is another one", vec![problem]))
            }
            _ => Ok((object, root)),
        }
    }

    /// Changes the bundle as it is when it is this change's turn.
    fn change(
        &self,
        state: &State,
        (wanted, conditions, asked): (&Wanted, &Conditions, &Asked),
        root: &Root,
        edit: &dyn Fn(&mut Bundle) -> Result<(), Problem>,
    ) -> Result<Taken, Problem> {
        let mut outrun = None;
        for _ in 0..TRIES_MAX {
            let base = state.judged(&self.tenant).ok_or_else(|| unknown(&self.tenant))?;
            self.check(conditions, self.show(&base).as_deref())?;
            let (judged, warnings) =
                asked.stages.timed("judge", || self.judge(&base, root, edit))?;
            wanted.check(&warnings)?;
            let tag = self.show(&judged).map(|text| digest(&text));
            if wanted.is_dry() {
                return Ok(Taken::checked(state.check_bundle(&judged, asked)?, warnings));
            }
            match state.put_after(&base, judged, asked) {
                Ok(put) => return Ok(Taken::stored(put, tag, warnings)),
                Err(error @ StateError::Outrun { .. }) => outrun = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(outrun.map_or_else(|| unknown(&self.tenant), Problem::from))
    }

    fn judge(
        &self,
        base: &Judged,
        root: &Root,
        edit: &dyn Fn(&mut Bundle) -> Result<(), Problem>,
    ) -> Result<(Judged, Vec<Diagnostic>), Problem> {
        let mut next = (**base.bundle()).clone();
        edit(&mut next)?;
        let path = self.collection.path(&next, &self.name);
        let placed = |found: Vec<Diagnostic>| -> Vec<Diagnostic> {
            found.into_iter().map(|one| placed(root, &path, one)).collect()
        };
        let judged = base
            .after(next)
            .map_err(|problems| Problem::from(SourceError::Invalid(placed(problems))))?;
        let warnings = placed(judged.warnings());
        Ok((judged, warnings))
    }
}

fn of<T: DeserializeOwned>(
    body: &[u8],
    format: Format,
    object: impl FnOnce(T) -> Object,
) -> Result<(Object, Root), SourceError> {
    read_object(body, format).map(|(value, root)| (object(value), root))
}

/// Gives a diagnostic about the object at `path` its place in what was sent.
fn placed(root: &Root, path: &str, found: Diagnostic) -> Diagnostic {
    let inside = found.path.strip_prefix(path);
    match inside.filter(|rest| rest.is_empty() || rest.starts_with(['.', '['])) {
        Some(rest) if !root.is_nothing() => {
            let placed = root.place(Diagnostic::new(rest, ""));
            Diagnostic { line: placed.line, column: placed.column, ..found }
        }
        _ => found,
    }
}

/// Returns a path below another one.
fn below(path: &str, rest: &str) -> String {
    match rest {
        "" => path.to_owned(),
        rest if rest.starts_with('[') => format!("{path}{rest}"),
        rest => format!("{path}.{rest}"),
    }
}

/// Returns what names an object: the digest of its canonical form.
fn digest(text: &str) -> String {
    halftone_core::policy::text_digest(text)
}
