//! Views against the reference model, against real files, and against kills.

#[cfg(test)]
mod bent;
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
