//! Views against the reference model, against real files, and against kills.

mod bent;
#[cfg(test)]
mod beside;
#[cfg(test)]
mod copies;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod live;
#[cfg(test)]
mod model;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod trouble;
