package atomicfile

// writebackLen is how many bytes are written before the system is asked to begin with
// bringing them to the disk.
const writebackLen = 32 << 20

// Write writes to the file. The system begins to bring what was written to the disk
// meanwhile, so that Close does not have to wait for all of a large file.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if f.pending += int64(n); f.pending >= writebackLen {
		beginWriteback(f.File, f.begun, f.pending)
		f.begun += f.pending
		f.pending = 0
	}
	return n, err
}
