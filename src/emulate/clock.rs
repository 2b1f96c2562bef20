//! Wall time and the market's: the one runs on the machine, the other where the rows are.

use crate::units::Time;

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Time,
    tape: Time,
    /// Market seconds a second.
    speed: f64,
}

impl Clock {
    /// At `wall` it is `tape`.
    pub fn new(wall: Time, tape: Time, speed: f64) -> Clock {
        Clock { wall, tape, speed }
    }

    pub fn tape(&self, wall: Time) -> Time {
        self.tape.plus((wall.since(self.wall) as f64 * self.speed) as i64)
    }

    pub fn wall(&self, tape: Time) -> Time {
        self.wall.plus((tape.since(self.tape) as f64 / self.speed) as i64)
    }
}
