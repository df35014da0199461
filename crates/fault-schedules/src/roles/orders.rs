//! Orders on standard input.

use tokio::sync::watch;

use super::Order;

pub(super) struct Orders(watch::Receiver<Order>);

impl Orders {
    /// Listens; the end of standard input ends the process. On a thread of its own, which nobody waits for at the end: a task that
    /// reads standard input would keep the process until there is a line.
    pub(super) fn listen() -> Self {
        let (sender, orders) = watch::channel(Order::Work);
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                for order in [Order::Stop, Order::Finish] {
                    if line == order.line() {
                        sender.send_replace(order);
                    }
                }
            }
            std::process::exit(0);
        });
        Self(orders)
    }

    pub(super) fn now(&self) -> Order {
        *self.0.borrow()
    }

    /// Waits for this order, or a later one.
    pub(super) async fn wait_for(&self, order: Order) {
        // An error means that the process ends.
        let _ = self.0.clone().wait_for(|now| *now >= order).await;
    }
}
