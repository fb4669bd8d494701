package text

import "github.com/spf13/cobra"

// ExitStatus says what exit statuses mean.
const ExitStatus = `Exit status:
  0  done
  1  failed: a bad file, an I/O error …
  2  wrong usage
  3  not done within the budget: the accuracy did not fall, or no attack was finished; or a
     limit of verify was not kept
  4  wrong identity, damaged key, or a model that the key does not belong to
  5  the model uses something that is not implemented or has no gradient
  130  interrupted, for example by Ctrl-C`

const moreExitStatus = ExitStatus + `

After 1, another try may succeed, for example if a disk was full. 2 to 5 stay the same until
an input changes. With 3, protect and batch have written nothing, unless --allow-partial was
given. verify exits with 4 after everything that can be measured has been.

With --json, errors are objects too: {"error", "hint", "exit_status"} on the standard error.`

const moreData = Data + `

` + Tasks + `

An .npz may have the labels under the name labels, label, target, targets, class, y, y_true,
mask, masks or boxes. Its values are what the model takes, so they are not scaled or
normalised again. The first axis counts samples, unless --batch-axis names another axis for an
input or output. If the model takes one sample without such an axis, as [T,F] of the frames of
a sound, arrays have one in front: [N,T,F]. A state of recurrent operators may be left out. It
is then zero.

The class folders of an image folder are numbered in the order of their names, or in that of
--classes FILE. They may lie in folders train and test (or val). protect and attack then take
train, verify takes test, and --split chooses.

WAV files become [N,T] or [N,1,T], with numbers from -1 to 1 and the mean of channels. Longer
sounds are cut at the end, and shorter ones are followed by silence. They are not resampled.

A CSV file has one sample per line, with or without a line of names. The labels are in the column
named label, target or class, or else in the last one. Text there is a class.

--limit takes that many samples at random, from --seed; --seed 0 takes the first ones.
--labels model uses the original model's own answers in place of labels. --data none makes up
samples from the model alone.

A few hundred samples are enough to lock most models. Give verify other samples than protect.`

const formats = `Models: ONNX files of operator sets 7 to 28, with their weights inside, in external data
files beside the model, or in values of Constant nodes, branches, loops and functions. A
locked model is an ONNX file with the same graph. Models above 2 GiB need external data,
because protobuf messages end there.

Keys: files of advparams, sealed with age (age-encryption.org) for recipients or by a
passphrase, or plain. They hold digests of the files before and after, and what restores the
original. docs/key-format.md specifies them. Later versions read all keys of earlier versions.

Identities and recipients: those of age (AGE-SECRET-KEY-1…, age1…, age1pq1…), and SSH keys
(ssh-ed25519, ssh-rsa) without a passphrase.

Reports: one HTML file without external parts. Results: --json prints one object. Later
versions may add fields, but do not change the meaning of others.

Manifests of batch: YAML, described by docs/batch.md and a JSON schema.`

// topics are the texts that are no commands: advparams help NAME.
var topics = []struct{ name, short, text string }{
	{"data", "What data may be, and how it is prepared", moreData},
	{"exit-status", "What the exit status says", moreExitStatus},
	{"formats", "What files are read and written", formats},
}

// AddTopics adds help topics to a command.
func AddTopics(root *cobra.Command) {
	for _, t := range topics {
		root.AddCommand(&cobra.Command{Use: t.name, Short: t.short, Long: t.text})
	}
}
