//! What a user sees, and what holds for the whole: one binary, a module a subject.

<<<<<<< HEAD
mod composite;
mod random;
=======
mod drivers;
mod random_tape;
>>>>>>> replay
mod scenario;
mod second_strategy;
