//! So many calls a minute for each client: a leaky bucket (GCRA, ITU-T I.371) in bounded memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use super::client::{ClientAddr, NetList};
use super::reply::RateInfo;
use crate::types::{ClientNet, Span};

/// Parts of the table, each under a lock of its own, so that callers seldom wait for each other.
const SHARDS: usize = 16;

/// How often one key may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls in one period; also the largest burst. At least 1.
    pub calls: u32,
    /// The period.
    pub period: Span,
}

impl Rate {
    /// The contract's default: 600 calls a minute.
    pub const DEFAULT: Self = Self {
        calls: 600,
        period: Span::minutes(1),
    };

    /// The time after which one more call is allowed.
    fn interval(self) -> i64 {
        (self.period.0 / i64::from(self.calls.max(1))).max(1)
    }
}

/// The limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How long to wait for the next call to be allowed.
    pub after: Span,
    /// What the `X-RateLimit-*` fields say.
    pub rate: RateInfo,
}

/// Counts calls by client network and class (for example the API key), in memory only.
///
/// A key that has been quiet for a period is as good as absent, so forgetting it changes nothing. When the table is full
/// of keys that have not, the ones with the least used of their allowance go first: a client that floods is kept.
#[derive(Debug)]
pub struct Throttle<C> {
    rate: Rate,
    exempt: NetList,
    keys_per_shard_max: usize,
    hasher: RandomState,
    /// For each key the moment (microseconds on the monotonic clock) at which its allowance is whole again.
    shards: [Mutex<HashMap<(ClientNet, C), i64>>; SHARDS],
}

impl<C: Eq + Hash + Copy> Throttle<C> {
    /// An empty table that holds about `keys_max` keys (some 48 bytes each) and lets `exempt` networks through.
    pub fn new(rate: Rate, keys_max: usize, exempt: NetList) -> Self {
        Self {
            rate,
            exempt,
            keys_per_shard_max: (keys_max / SHARDS).max(8),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::new(HashMap::new())),
        }
    }

    /// Counts one call at `now` (time since some fixed moment, on a clock that never goes back), or refuses it.
    pub fn check(&self, client: &ClientAddr, class: C, now: Span) -> Result<(), Retry> {
        if self.exempt.contains(client.ip) {
            return Ok(());
        }
        let key = (client.net, class);
        let interval = self.rate.interval();
        let allowance = interval.saturating_mul(i64::from(self.rate.calls.max(1)));
        let hash = self.hasher.hash_one(key);
        let shard = usize::try_from(hash >> 60).unwrap_or(0) % SHARDS;
        let mut keys = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        let whole_at = keys.get(&key).copied().unwrap_or(now.0).max(now.0);
        let after_this = whole_at.saturating_add(interval);
        let used = after_this - now.0;
        if used > allowance {
            return Err(Retry {
                after: Span(used - allowance),
                rate: RateInfo {
                    limit: self.rate.calls,
                    remaining: 0,
                    reset: Span(whole_at - now.0),
                },
            });
        }
        if keys.len() >= self.keys_per_shard_max && !keys.contains_key(&key) {
            make_room(&mut keys, now.0, self.keys_per_shard_max);
        }
        keys.insert(key, after_this);
        Ok(())
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|keys| keys.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    /// Whether no key is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Forgets the keys that count for nothing any more, and if that is not an eighth, the stalest eighth: the work of one
/// sweep is spread over as many calls as it frees places.
fn make_room<K: Eq + Hash>(keys: &mut HashMap<K, i64>, now: i64, keys_max: usize) {
    keys.retain(|_, whole_at| *whole_at > now);
    let keep = keys_max - keys_max.div_ceil(8);
    if keys.len() <= keep {
        return;
    }
    let surplus = keys.len() - keep;
    let mut moments: Vec<i64> = keys.values().copied().collect();
    let (_, &mut last_to_go, _) = moments.select_nth_unstable(surplus - 1);
    let mut left = surplus;
    keys.retain(|_, whole_at| {
        let goes = left > 0 && *whole_at <= last_to_go;
        left -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(n: u32) -> ClientAddr {
        ClientAddr::of(std::net::Ipv4Addr::from(n).into())
    }

    fn throttle(keys_max: usize) -> Throttle<u8> {
        Throttle::new(
            Rate {
                calls: 3,
                period: Span::seconds(3),
            },
            keys_max,
            NetList::default(),
        )
    }

    #[test]
    fn a_burst_is_allowed_and_then_one_call_an_interval() {
        let throttle = throttle(100);
        for _ in 0..3 {
            throttle.check(&client(1), 0, Span::seconds(10)).unwrap();
        }
        let retry = throttle.check(&client(1), 0, Span::millis(10_400)).unwrap_err();
        assert_eq!(retry.after, Span::millis(600));
        assert_eq!(
            retry.rate,
            RateInfo {
                limit: 3,
                remaining: 0,
                reset: Span::millis(2_600)
            }
        );
        throttle.check(&client(1), 0, Span::seconds(11)).unwrap();
        throttle.check(&client(1), 0, Span::seconds(11)).unwrap_err();
        throttle.check(&client(2), 0, Span::seconds(11)).unwrap();
        throttle.check(&client(1), 1, Span::seconds(11)).unwrap();
    }

    #[test]
    fn a_refused_call_costs_nothing() {
        let throttle = throttle(100);
        for _ in 0..3 {
            throttle.check(&client(1), 0, Span::seconds(0)).unwrap();
        }
        for _ in 0..1000 {
            throttle.check(&client(1), 0, Span::seconds(0)).unwrap_err();
        }
        throttle.check(&client(1), 0, Span::seconds(1)).unwrap();
    }

    #[test]
    fn memory_is_bounded_and_the_client_that_floods_is_not_forgotten() {
        let throttle = throttle(160);
        for _ in 0..3 {
            throttle.check(&client(0), 0, Span::seconds(0)).unwrap();
        }
        for n in 1..10_000 {
            throttle.check(&client(n), 0, Span(0)).unwrap();
            assert!(throttle.len() <= 160);
        }
        throttle.check(&client(0), 0, Span(0)).unwrap_err();
    }

    #[test]
    fn exempt_networks_are_not_counted() {
        let exempt = ["192.0.2.0/24".parse().unwrap()].into_iter().collect();
        let throttle = Throttle::new(
            Rate {
                calls: 1,
                period: Span::minutes(1),
            },
            100,
            exempt,
        );
        let inside = ClientAddr::of("::ffff:192.0.2.77".parse().unwrap());
        for _ in 0..5 {
            throttle.check(&inside, 0, Span(0)).unwrap();
        }
        assert!(throttle.is_empty());
    }

    #[test]
    fn r_06_one_ipv6_subscriber_is_one_client() {
        let throttle = throttle(100);
        for n in 0..3 {
            let one = ClientAddr::of(format!("2001:db8::{n}").parse().unwrap());
            throttle.check(&one, 0, Span(0)).unwrap();
        }
        let other = ClientAddr::of("2001:db8::ffff".parse().unwrap());
        throttle.check(&other, 0, Span(0)).unwrap_err();
    }
}
