// Where things are pinned. One directory for each layout version, and three symlinks beside it that
// name the live one: `<root>/maps` is what people and scripts read. They are switched last.

internal import BPF
internal import CDatapath
internal import Glibc
internal import Linux

/// The pin directory's layout.
package struct Pins: Sendable {
    /// E.g. `/sys/fs/bpf/needletail`; on a bpffs.
    package let root: String

    package init(root: String) { self.root = root }

    /// The directory of the layout that this binary speaks.
    package var version: String { "\(root)/v\(DATAPATH_LAYOUT_VERSION)" }

    func map(_ name: String) -> String { "\(version)/maps/\(name)" }
    func program(_ name: String) -> String { "\(version)/programs/\(name)" }
    func link(_ name: String) -> String { "\(version)/links/\(name)" }

    private static let kinds = ["maps", "programs", "links"]

    /// Makes the directories, and mounts a bpffs where there is none: at the standard place if the
    /// root lies there, else at the root itself.
    func prepare() throws(DatapathError) {
        let root = root
        try asPins(root) { () throws(KernelError) in
            let standard = BPFFileSystem.standardPath
            var mounted: String?
            if root.hasPrefix(standard + "/"), !BPFFileSystem.contains(standard) {
                try BPFFileSystem.mount(at: standard)
                mounted = standard
            }
            try Directory.create(root, mode: 0o700)
            if !BPFFileSystem.contains(root) {
                try BPFFileSystem.mount(at: root)
                mounted = root
            }
            if let mounted { try Symlink.create(at: mountMark, to: mounted) }
            for kind in Self.kinds { try Directory.create("\(version)/\(kind)", mode: 0o700) }
        }
    }

    /// Points the symlinks at this version: from now on it is the live one. bpffs has no rename
    /// over an existing name, so a reader may find a link missing for a moment, never a wrong one.
    func publish() throws(DatapathError) {
        for kind in Self.kinds {
            let path = "\(root)/\(kind)"
            try asPins(path) { () throws(KernelError) in
                let target = "v\(DATAPATH_LAYOUT_VERSION)/\(kind)"
                if Symlink.target(of: path) == target { return }
                unlink(path)
                try Symlink.create(at: path, to: target)
            }
        }
    }

    /// Names of what is pinned as links, sorted; empty when there is no such directory.
    func linkNames() -> [String] {
        (try? Directory.entries("\(version)/links")) ?? []
    }

    /// Names of what is pinned as maps, sorted; empty when there is no such directory.
    func mapNames() -> [String] {
        (try? Directory.entries("\(version)/maps")) ?? []
    }

    // MARK: Marks of what we made outside bpffs; a bpffs takes directories, and no files

    private var qdiscs: String { "\(version)/qdiscs" }

    /// What every bpffs has from its birth (kernel/bpf/preload).
    private static let kernelsOwn: Set = ["maps.debug", "progs.debug"]

    /// A symlink to the place where we mounted a bpffs.
    private var mountMark: String { "\(root)/mounted" }

    /// Takes the bpffs away that we mounted, once nothing is in it.
    private func unmount(_ place: String) throws(DatapathError) {
        guard BPFFileSystem.contains(place), let entries = try? Directory.entries(place),
            entries.allSatisfy(Self.kernelsOwn.contains)
        else { return }
        try asPins(place) { () throws(KernelError) in try BPFFileSystem.unmount(place) }
        if place == root { rmdir(root) }
    }

    /// Remembers that the interface's clsact qdisc is ours. Unmarked, it merely stays behind.
    func markQdisc(of interface: UInt32) {
        try? Directory.create("\(qdiscs)/\(interface)", mode: 0o700)
    }

    func hasQdiscMark(of interface: UInt32) -> Bool { Pin.exists("\(qdiscs)/\(interface)") }

    func removeQdiscMark(of interface: UInt32) { rmdir("\(qdiscs)/\(interface)") }

    /// Interfaces whose clsact qdisc we made.
    func markedQdiscs() -> [UInt32] {
        ((try? Directory.entries(qdiscs)) ?? []).compactMap { UInt32($0) }
    }

    /// Removes every pin of this layout, the symlinks and the directories, and nothing else: what
    /// others keep under the root stays, and the root with it.
    func removeAll() throws(DatapathError) {
        for kind in Self.kinds {
            let directory = "\(version)/\(kind)"
            for name in (try? Directory.entries(directory)) ?? [] {
                try asDatapath { () throws(BPFError) in _ = try Pin.remove("\(directory)/\(name)") }
            }
            try asPins(directory) { () throws(KernelError) in
                if rmdir(directory) != 0, errno != ENOENT {
                    throw KernelError.last("rmdir", directory)
                }
            }
            unlink("\(root)/\(kind)")
        }
        for interface in markedQdiscs() { removeQdiscMark(of: interface) }
        rmdir(qdiscs)
        rmdir(version)
        let mounted = Symlink.target(of: mountMark)
        unlink(mountMark)
        rmdir(root)
        if let mounted { try unmount(mounted) }
    }
}
