//! `clock accept`: an operator takes the system clock's word, and what was issued before ends.

use keyledger::desk::EventFilter;
use keyledger::system::{Clock as _, ClockStatus};
use keyledger::types::Span;

use crate::support::House;

#[tokio::test]
async fn r_23_a_doubted_clock_that_is_accepted_ends_what_was_issued_under_the_old_time() {
    let house = House::start().await;
    let signed_up = house.sign_up("ann@example.org", "First-pass-word-1!").await;
    let access = signed_up.text("accessToken");
    let wall = house.clock.now() + Span::days(60);
    house.clock.step_wall(wall);
    assert!(matches!(house.clock.status(), ClockStatus::Suspect { .. }));
    assert_eq!(
        house.me(&access).await.status,
        200,
        "a doubted clock moves no lifetime"
    );

    let was = house.desk().accept_clock().await.unwrap();
    assert!(matches!(was, ClockStatus::Suspect { .. }));
    assert_eq!(house.clock.now(), wall);
    assert_eq!(house.me(&access).await.status, 401);
    for (name, count) in [("ClockAccepted", 1), ("EpochStarted", 2)] {
        let name = Some(name.to_owned());
        let filter = EventFilter {
            name,
            ..EventFilter::default()
        };
        assert_eq!(house.desk().latest_events(&filter).unwrap().len(), count);
    }

    let again = house.desk().accept_clock().await.unwrap();
    assert_eq!(
        again,
        ClockStatus::Trusted,
        "a second time there is nothing to accept"
    );
}
