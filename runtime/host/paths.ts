// Where things are when nobody says otherwise. A file of its own, because the command line starts faster without the rest.

/** A node's control socket; a node and a command on the same machine find one another there. */
export const DEFAULT_SOCKET = "/run/systole/control.sock";
