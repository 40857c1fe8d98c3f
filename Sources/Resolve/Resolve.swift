// The station between what we were told and what the node should do. Pure: no I/O, no clock, no
// map ids. Each unit (a Service, a pod, an address …) is resolved by itself from the Snapshot.

/// Names the functions of this station; each unit's are in an extension of their own.
package enum Resolve {}
