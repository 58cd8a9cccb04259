//! Views against the reference model, against real files, and against kills.

mod crash;
mod facts;
mod live;
mod model;
mod recovery;
