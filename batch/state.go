package batch

import (
	"errors"
	"io/fs"
	"os"

	"github.com/advparams/advparams/internal/guard"
)

// StateFolder is the name of the folder beside the outputs that holds records,
// locks and logs.
const StateFolder = ".advparams-batch"

// state returns the path of a file of the job in the state folder.
func (j *Job) state(suffix string) string {
	return joined(dirOf(j.Output), StateFolder+"/"+baseOf(j.Output)+suffix)
}

// Log returns the path of the job's log: the steps as command lines, and what they
// printed.
func (j *Job) Log() string { return j.state(".log") }

// maxRecord bounds the size of a record, in bytes. Those of attacks have some kilobytes.
const maxRecord = 16 << 20

// openState opens the state folder of a job whose outputs are files, and makes it if it
// is to be made. Others may be able to write to the folder of the outputs. So neither
// the state folder nor a file in it is reached through a symbolic link, and all that
// is made in it is made through the open folder.
func (j *Job) openState(make bool) (*os.Root, error) {
	outputs, err := os.OpenRoot(dirOf(j.Output))
	if err != nil {
		return nil, err
	}
	defer outputs.Close()
	if make {
		if err := outputs.Mkdir(StateFolder, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return guard.Folder(outputs, StateFolder)
}

// readState returns the content of a file in the state folder.
func (j *Job) readState(suffix string) ([]byte, error) {
	folder, err := j.openState(false)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return guard.Read(folder, baseOf(j.Output)+suffix, maxRecord)
}
