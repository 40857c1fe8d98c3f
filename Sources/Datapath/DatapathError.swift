// What can go wrong between us and the kernel when the datapath is opened, read or given back.
// A single write that fails is no error here but an outcome; see Datapath+Apply.swift.

package import BPF
package import Linux

/// Why the datapath could not be opened, restored or cleaned up.
package enum DatapathError: Error, CustomStringConvertible {
    /// An object did not load; the running version, if any, stays attached.
    case load(object: String, BPFError)
    /// A pin directory or symlink could not be made or removed.
    case pins(path: String, KernelError)
    /// A map, program or link call failed.
    case kernel(BPFError)
    /// There is no pinned datapath at this place.
    case absent(path: String)

    package var description: String {
        switch self {
        case .load(let object, let error): "BPF object \(object) does not load: \(error)"
        case .pins(let path, let error): "pin directory \(path): \(error)"
        case .kernel(let error): error.description
        case .absent(let path): "no datapath is pinned at \(path)"
        }
    }
}

/// Runs a call of the BPF room and names its error as ours.
func asDatapath<T: ~Copyable>(_ body: () throws(BPFError) -> T) throws(DatapathError) -> T {
    do throws(BPFError) { return try body() } catch { throw .kernel(error) }
}

/// Runs a call of the Linux room on a pin's path and names its error as ours.
func asPins<T>(_ path: String, _ body: () throws(KernelError) -> T) throws(DatapathError) -> T {
    do throws(KernelError) { return try body() } catch { throw .pins(path: path, error) }
}
