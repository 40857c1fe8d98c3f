// Becoming another program: for a command line tool whose whole work is to choose where a program
// runs. The program then has our terminal, our signals and our exit status without a go-between.

import Glibc

extension Command {
    /// Moves this process into the command's cgroup and the calling thread into its namespace, and
    /// runs the program in our place, with our standard streams. Returns only by throwing: ENOENT
    /// when there is no such program.
    package func replaceProcess() throws(KernelError) -> Never {
        if let cgroup { try cgroup.add(getpid()) }
        if let namespace { try namespace.enter() }
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        words.append(nil)
        // The mask outlives exec, and a thread of Swift's pool blocks nearly everything.
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        execvp(arguments[0], words)
        throw .last("execvp", arguments[0])
    }
}
