//! Random numbers that a seed repeats, and positions where mistakes hide.

/// A generator (xorshift64*).
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number within [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.unit() * bound as f64) as usize
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A position in degrees, often at a pole or the meridian.
    pub(crate) fn position(&mut self) -> (f64, f64) {
        let uniform = (360.0 * self.unit(), (2.0 * self.unit() - 1.0).asin().to_degrees());
        match self.below(8) {
            0 => (uniform.0, self.pick(&[90.0, -90.0, 89.999_999, -89.999_9])),
            1 => (self.pick(&[0.0, 359.999_999_9, 1e-9, 180.0]), uniform.1),
            2 => (self.pick(&[0.0, 0.001, 359.999]), self.pick(&[0.0, 41.810_3, -41.810_3, 0.001])),
            3 => (uniform.0, if self.chance(0.5) { 90.0 - self.unit() } else { self.unit() - 90.0 }),
            _ => uniform,
        }
    }

    /// A radius in degrees.
    pub(crate) fn radius(&mut self) -> f64 {
        match self.below(8) {
            0 => self.pick(&[0.0, 90.0, 180.0, 1e-7]),
            1 => 180.0 * self.unit(),
            _ => 10.0_f64.powf(self.unit() * 4.0 - 2.5),
        }
    }
}
