// Every checker, each fresh for one run.

import type { Checker, Facts } from "../observations.ts";
import { AcknowledgedChangeLost } from "./acknowledged-change-lost.ts";
import { AcknowledgedNotStored } from "./acknowledged-not-stored.ts";
import { ActionUnheard } from "./action-unheard.ts";
import { ActionWithoutQuorum } from "./action-without-quorum.ts";
import { ActiveTwice } from "./active-twice.ts";
import { AlertsOutOfOrder } from "./alerts-out-of-order.ts";
import { ChangeAppliedTwice } from "./change-applied-twice.ts";
import { ChangeRefusedAndMade } from "./change-refused-and-made.ts";
import { ConfigurationsDifferAfterHealing } from "./configurations-differ-after-healing.ts";
import { DiskForgets } from "./disk-forgets.ts";
import { LeftWhileActive } from "./left-while-active.ts";
import { MinorityKeepsRunning } from "./minority-keeps-running.ts";
import { PrimaryNumberGivenTwice } from "./primary-number-given-twice.ts";
import { RecoveryBeforeFence } from "./recovery-before-fence.ts";
import { StartOfWhatRuns } from "./start-of-what-runs.ts";
import { Stuck } from "./stuck.ts";
import { TwoActionsOnOneResource } from "./two-actions-on-one-resource.ts";
import { TwoCoordinators } from "./two-coordinators.ts";
import { TwoPrimaries } from "./two-primaries.ts";
import { TwoViewsOfOneId } from "./two-views-of-one-id.ts";

type WhatIsMissing = (facts: Facts) => string | undefined;

/** Those of membership, quorum and CIB. */
export function kernelCheckers(whatIsMissing: WhatIsMissing): Checker[] {
  return [
    new TwoViewsOfOneId(),
    new TwoPrimaries(),
    new TwoCoordinators(),
    new AcknowledgedChangeLost(),
    new AcknowledgedNotStored(),
    new ChangeRefusedAndMade(),
    new PrimaryNumberGivenTwice(),
    new DiskForgets(),
    new ChangeAppliedTwice(),
    new ConfigurationsDifferAfterHealing(),
    new Stuck(whatIsMissing),
  ];
}

/** All. */
export function allCheckers(whatIsMissing: WhatIsMissing): Checker[] {
  return [
    ...kernelCheckers(whatIsMissing),
    new ActiveTwice(),
    new RecoveryBeforeFence(),
    new ActionWithoutQuorum(),
    new TwoActionsOnOneResource(),
    new LeftWhileActive(),
    new StartOfWhatRuns(),
    new MinorityKeepsRunning(),
    new ActionUnheard(),
    new AlertsOutOfOrder(),
  ];
}
