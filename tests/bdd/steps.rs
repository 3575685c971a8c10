//! What the sentences of the features do, one file per kind of sentence.

mod api;
mod body;
mod command;
mod given;
mod process;
mod request;
mod token;
