// Many entries in one system call (Linux 5.6): half the time a piece of single calls, and less.
// A batch is no transaction: the kernel stops at the first entry that fails, and `BPFError.batch`
// says how many are through. Map kinds without batches are done one by one, with the same outcome.

import CLibBPF
import Glibc

extension BPFMap {
    /// Writes `values[i]` under `keys[i]`, in that order.
    ///
    /// The kernel has batches for `.any` alone; other modes cost a call an entry.
    /// Errors: `batch` with the number of entries written before the one that failed (E2BIG: full).
    public func update(
        keys: [Key], values: [Value], mode: UpdateMode = .any
    ) throws(BPFError) {
        precondition(keys.count == values.count, "a value for every key")
        if keys.isEmpty { return }
        if mode != .any { return try updateEach(keys, values, mode) }
        var done = UInt32(keys.count)
        let result = bpfshim_map_update_batch(descriptor, keys, values, &done)
        if result == 0 { return }
        if isUnknownOperation(result) { return try updateEach(keys, values, mode) }
        throw batchError("bpf_map_update_batch", Int(done), of: keys.count, result)
    }

    private func updateEach(
        _ keys: [Key], _ values: [Value], _ mode: UpdateMode
    ) throws(BPFError) {
        for (index, key) in keys.enumerated() {
            try within("bpf_map_update_elem", index) { () throws(BPFError) in
                try update(key, values[index], mode: mode)
            }
        }
    }

    /// Removes all of `keys`; returns how many were there. A key that is not there is no error.
    ///
    /// Errors: `batch` with the number of keys that are gone, whether or not they were there
    /// before.
    @discardableResult
    public func delete(keys: [Key]) throws(BPFError) -> Int {
        var deleted = 0
        var next = 0
        // The kernel stops at a key that is missing; go on behind it.
        while next < keys.count {
            var done = UInt32(keys.count - next)
            let result = keys[next...].withUnsafeBufferPointer {
                bpfshim_map_delete_batch(descriptor, $0.baseAddress, &done)
            }
            if result == 0 { return deleted + Int(done) }
            if isUnknownOperation(result) { return try deleteEach(keys) }
            if result != -ENOENT {
                throw batchError("bpf_map_delete_batch", next + Int(done), of: keys.count, result)
            }
            deleted += Int(done)
            next += Int(done) + 1
        }
        return deleted
    }

    private func deleteEach(_ keys: [Key]) throws(BPFError) -> Int {
        var deleted = 0
        for (index, key) in keys.enumerated() {
            try within("bpf_map_delete_elem", index) { () throws(BPFError) in
                if try delete(key) { deleted += 1 }
            }
        }
        return deleted
    }

    /// Values of `keys`, nil where there is none: one call each, for the kernel has no such batch.
    public func lookup(keys: [Key]) throws(BPFError) -> [Value?] {
        var values: [Value?] = []
        values.reserveCapacity(keys.count)
        for key in keys { values.append(try lookup(key)) }
        return values
    }

    /// Gives a single call's error the place in the batch that it stands for.
    private func within(
        _ operation: String, _ done: Int, _ body: () throws(BPFError) -> Void
    ) throws(BPFError) {
        do throws(BPFError) {
            try body()
        } catch {
            throw .batch(
                operation: operation, subject: subject, done: done, errno: error.errno ?? EINVAL)
        }
    }

    private func batchError(
        _ operation: String, _ done: Int, of count: Int, _ result: Int32
    ) -> BPFError {
        // With EFAULT the kernel's count means nothing; nor does one that says "all".
        let known = result != -EFAULT && done < count
        return .batch(
            operation: operation, subject: subject, done: known ? done : 0, errno: -result)
    }
}

/// Whether the kernel said that this kind of map has no such operation.
func isUnknownOperation(_ result: Int32) -> Bool {
    result == -Int32(BPFSHIM_ENOTSUPP) || result == -EOPNOTSUPP
}
