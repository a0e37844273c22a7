// The daemon's state as the control API shows it. I/O thread only.
#pragma once

#include "control/view_routes.h"
#include "daemon/failures.h"
#include "daemon/ledger_service.h"
#include "daemon/owner_service.h"
#include "daemon/site.h"

namespace ds01::daemon {

class ControlView final : public control::View {
 public:
  // All must outlive this.
  ControlView(const LedgerService& ledger, const OwnerService& owners, const Site& site, const Failures& failures)
      : ledger_(ledger), owners_(owners), site_(site), failures_(failures) {}

  control::StatusSnapshot status() const override;
  std::vector<control::ContainerRow> containers() const override;

 private:
  const LedgerService& ledger_;
  const OwnerService& owners_;
  const Site& site_;
  const Failures& failures_;
};

}  // namespace ds01::daemon
