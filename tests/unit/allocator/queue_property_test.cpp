// Random lives of a waiting line: no slot twice, the order kept, nobody overtaken at what he could use, and in the end
// everybody served.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "allocator/queue.h"
#include "unit/allocator/scene.h"

namespace ds01::allocator::test {
namespace {

struct Asked {
  std::int64_t priority = 0;
  std::int64_t slots = 1;
  std::string profile;
};

class Life {
 public:
  Life(Inventory inventory, std::uint64_t seed) : inventory_(inventory), ledger_(std::move(inventory)), random_(seed) {}

  void step() {
    const auto dice = pick(100);
    if (dice < 62) {
      join();
    } else if (dice < 67) {
      leave();
    } else {
      release();
    }
    serve();
    ASSERT_EQ(ledger_.violations(), std::vector<std::string>{});
    checkOrder();
  }

  // All who hold give back, again and again.
  void empty() {
    for (int round = 0; !queue_.waiters().empty() && round < 1000; ++round) {
      ASSERT_FALSE(ledger_.leases().empty()) << "somebody waits for slots that are free";
      release();
      serve();
    }
    ASSERT_TRUE(queue_.waiters().empty());
  }

  int granted() const { return granted_; }
  int after_waiting() const { return after_waiting_; }
  int several() const { return several_; }

 private:
  std::size_t pick(std::size_t below) { return static_cast<std::size_t>(random_() % below); }

  void join() {
    if (queue_.waiters().size() > 30) return;
    ReserveRequest ask;
    ask.id = LeaseId(fmt::format("L{:08}", ++ids_));
    ask.uid = static_cast<std::uint32_t>(1000 + pick(5));
    ask.login = fmt::format("user{}", ask.uid);
    ask.limits = unlimited();
    ask.limits.priority = static_cast<std::int64_t>(pick(3)) * 10;
    const std::int64_t wanted = pick(4) == 0 ? static_cast<std::int64_t>(2 + pick(2)) : 1;
    const std::string profile =
        wanted == 1 && pick(3) == 0 ? inventory_.slots[pick(inventory_.slots.size())].profile : "";
    ask.gpu = count(wanted, profile);
    const Asked asked{ask.limits.priority, wanted, profile};
    tickets_.emplace(queue_.join(std::move(ask), TimePoint{}), asked);
  }

  void leave() {
    if (queue_.waiters().empty()) return;
    ASSERT_TRUE(queue_.leave(queue_.waiters()[pick(queue_.waiters().size())].ticket));
  }

  void release() {
    const std::vector<Lease> leases = ledger_.leases();
    if (leases.empty()) return;
    ledger_.release(leases[pick(leases.size())].id);
  }

  bool couldUse(const Asked& asked, const GpuSlot& slot) const {
    if (asked.slots > 1) return slot.whole();
    return asked.profile.empty() || slot.profile == asked.profile;
  }

  void serve() {
    const std::vector<Queue::Waiter> before = queue_.waiters();
    const std::vector<Queue::Verdict> verdicts = queue_.serve(ledger_, TimePoint{}, false);
    std::size_t position = 0;
    for (const Queue::Verdict& verdict : verdicts) {
      while (position < before.size() && before[position].ticket != verdict.ticket) ++position;
      ASSERT_LT(position, before.size()) << "verdicts come in the order of the line";
      if (!verdict.answer) {
        ASSERT_EQ(verdict.answer.error().code, RefusalCode::NeverSatisfiable) << verdict.answer.error().text;
        continue;
      }
      ++granted_;
      if (before[position].waits) ++after_waiting_;
      if (verdict.answer->uuids.size() > 1) ++several_;
      // Nobody who still waits ahead of it could have used what it got.
      for (const Queue::Waiter& waiter : queue_.waiters()) {
        const bool ahead =
            std::ranges::find(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(position), waiter.ticket,
                              &Queue::Waiter::ticket) != before.begin() + static_cast<std::ptrdiff_t>(position);
        if (!ahead) continue;
        for (const std::string& uuid : verdict.answer->uuids) {
          ASSERT_FALSE(couldUse(tickets_.at(waiter.ticket), *ledger_.slotByUuid(uuid))) << uuid;
        }
      }
    }
    // Once more changes nothing.
    ASSERT_TRUE(queue_.serve(ledger_, TimePoint{}, false).empty());
    // And whoever is first could not be served by the ledger alone.
    if (!queue_.waiters().empty()) {
      ASSERT_FALSE(ledger_.preview(queue_.waiters().front().ask));
    }
  }

  void checkOrder() const {
    const auto& line = queue_.waiters();
    for (std::size_t i = 1; i < line.size(); ++i) {
      const Asked& a = tickets_.at(line[i - 1].ticket);
      const Asked& b = tickets_.at(line[i].ticket);
      ASSERT_TRUE(a.priority > b.priority || (a.priority == b.priority && line[i - 1].ticket < line[i].ticket));
      ASSERT_EQ(queue_.placeOf(line[i].ticket), static_cast<std::int64_t>(i) + 1);
    }
  }

  Inventory inventory_;
  Ledger ledger_;
  Queue queue_;
  std::mt19937_64 random_;
  std::map<Queue::Ticket, Asked> tickets_;
  std::uint64_t ids_ = 0;
  int granted_ = 0;
  int after_waiting_ = 0;
  int several_ = 0;
};

class QueueProperty : public testing::TestWithParam<std::uint64_t> {};

TEST_P(QueueProperty, HoldsAtEveryStep) {
  for (const Inventory& inventory : {siteMachine(), machine(std::vector<std::vector<std::string>>(4, {"full"}))}) {
    Life life(inventory, GetParam());
    for (int i = 0; i < 600; ++i) {
      life.step();
      if (HasFatalFailure()) FAIL() << "step " << i;
    }
    life.empty();
    if (HasFatalFailure()) return;
    // The sequence has been where it matters.
    EXPECT_GT(life.granted(), 100);
    EXPECT_GT(life.after_waiting(), 50);
    EXPECT_GT(life.several(), 20);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, QueueProperty, testing::Values(1U, 2U, 3U, 20261126U));

}  // namespace
}  // namespace ds01::allocator::test
