//! A toolbox over the network: who is let in, what the others cost, how it calls home, and what programs beside it can find.

mod authentication;
mod homes;
mod pod;
mod served;
mod strangers;
