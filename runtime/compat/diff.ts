// Patchsets in Pacemaker's XML form, <diff format="2">: what its `crm_diff` and `cibadmin --patch` write and read.
// Source of the form: the output of crm_diff.

import { type Element, element } from "../kernel/cib/element.ts";
import { elementAt, formatPath } from "../kernel/cib/version.ts";
import type { CibChange, CibVersion, Patchset } from "../kernel/messages.ts";

/** The patchset as a <diff>; `after` is the document it leads to, of which it shows what changed elements look like then. */
export function patchsetToXml(patchset: Patchset, after: Element): Element {
  const version = element("version", {}, [
    element("source", versionAttributes(patchset.source)),
    element("target", versionAttributes(patchset.target)),
  ]);
  return element("diff", { format: "2" }, [version, ...patchset.changes.map((change) => changeToXml(change, after))]);
}

function versionAttributes(version: CibVersion): Record<string, string> {
  return {
    admin_epoch: `${version.adminEpoch}`,
    epoch: `${version.epoch}`,
    num_updates: `${version.numUpdates}`,
  };
}

function changeToXml(change: CibChange, after: Element): Element {
  const path = formatPath(change.path);
  switch (change.operation) {
    case "create":
      return element("change", { operation: "create", path, position: `${change.position}` }, [change.element]);
    case "move":
      return element("change", { operation: "move", path, position: `${change.position}` });
    case "delete":
      return element("change", { operation: "delete", path, position: `${change.position}` });
    case "modify": {
      const unset = change.unset.map((name) => element("change-attr", { name, operation: "unset" }));
      const set = Object.entries(change.set).map(([name, value]) =>
        element("change-attr", { name, operation: "set", value }),
      );
      const result = elementAt(after, change.path);
      const shown = result === undefined ? [] : [element(result.name, result.attributes)];
      return element("change", { operation: "modify", path }, [
        element("change-list", {}, [...unset, ...set]),
        element("change-result", {}, shown),
      ]);
    }
  }
}
