// The daemon's state as the control API shows it. I/O thread only.
#pragma once

#include "control/view_routes.h"
#include "daemon/failures.h"
#include "daemon/ledger_service.h"
#include "daemon/owner_service.h"
#include "daemon/site.h"
#include "daemon/tracker_service.h"

namespace ds01::daemon {

class ControlView final : public control::View {
 public:
  // All must outlive this. Without `tracker` nobody is known but those whose it provably is.
  ControlView(const LedgerService& ledger, const OwnerService& owners, const Site& site, const Failures& failures,
              const TrackerService* tracker = nullptr)
      : ledger_(ledger), owners_(owners), site_(site), failures_(failures), tracker_(tracker) {}

  control::StatusSnapshot status() const override;
  std::vector<control::ContainerRow> containers() const override;

 private:
  const LedgerService& ledger_;
  const OwnerService& owners_;
  const Site& site_;
  const Failures& failures_;
  const TrackerService* tracker_;
};

}  // namespace ds01::daemon
