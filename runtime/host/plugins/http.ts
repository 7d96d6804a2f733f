// What is used of undici, in a module of its own so that it can be loaded late: it is by far the largest package in a node,
// and a node whose plugins ask nothing by HTTP needs none of it.

export { Agent, buildConnector, request } from "undici";
