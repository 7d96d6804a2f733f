// What the author of a plugin imports: `import { defineResourceAgent, Type } from "systole/sdk"`.

export type { Static } from "typebox";
export {
  type Alert,
  type AlertFacts,
  type AlertSinkSpec,
  type AttributeAlert,
  type DroppedAlert,
  defineAlertSink,
  type FencingAlert,
  type NodeAlert,
  type ResourceAlert,
} from "./alert.ts";
export { type ArbiterSpec, defineArbiter, type RegisterContent, type RegisterReplacement } from "./arbiter.ts";
export type {
  Attributes,
  BaseContext,
  Capabilities,
  Cipher,
  Context,
  Daemon,
  DaemonOptions,
  DaemonState,
  DaemonStop,
  Fetch,
  FetchOptions,
  FetchResult,
  HostCrypto,
  Log,
  Processes,
  ProcessIdentity,
  ProcessQuery,
  ReadFiles,
  Run,
  RunOptions,
  RunResult,
  State,
  Tcp,
  TcpPeer,
  TcpSocket,
  TlsOptions,
  Udp,
  UdpSocket,
  WriteFiles,
} from "./context.ts";
export { AgentError, type AgentErrorCode, isAgentError, OCF_EXIT_CODES } from "./errors.ts";
export { defineFenceDevice, type FenceDeviceSpec, type Power } from "./fence-device.ts";
export { Duration, Secret, Words } from "./parameters.ts";
export type { PermissionKind, Permissions } from "./permissions.ts";
export { API_VERSION, type Plugin, type PluginKind } from "./plugin.ts";
export {
  type AgentTimeouts,
  defineResourceAgent,
  type Notification,
  type ResourceAgentSpec,
  type ResourceState,
} from "./resource-agent.ts";
export {
  defineTransport,
  type TransportConnection,
  type TransportContext,
  type TransportPeer,
  type TransportProvides,
  type TransportSink,
  type TransportSpec,
} from "./transport.ts";
export { Type } from "./type.ts";
