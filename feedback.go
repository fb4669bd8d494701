package advparams

import (
	"context"

	"github.com/advparams/advparams/feedback"
)

// What a run says on the way to its result. Package feedback describes it.
type (
	// Progress says how far a stage of a run has come. It is reported one call at a time.
	Progress = feedback.Progress
	// Notice is a message on the way to a result.
	Notice = feedback.Notice
	// NoticeKind says what a Notice is about.
	NoticeKind = feedback.NoticeKind
)

// What notices are about.
const (
	// NoticeData says which samples are used.
	NoticeData = feedback.NoticeData
	// NoticeTask says what the model is for, where that is not classification.
	NoticeTask = feedback.NoticeTask
	// NoticeAttack says what an attack came to.
	NoticeAttack = feedback.NoticeAttack
	// NoticeOutput warns that another output of a locked model is still right.
	NoticeOutput = feedback.NoticeOutput
	// NoticeSamples warns of samples that say little about what a model is worth.
	NoticeSamples = feedback.NoticeSamples
	// NoticeUnreadable warns that a model cannot be read, and is not measured.
	NoticeUnreadable = feedback.NoticeUnreadable
	// NoticeLeft warns of weights that are not sealed.
	NoticeLeft = feedback.NoticeLeft
	// NoticeDraws says that a model was sealed several times.
	NoticeDraws = feedback.NoticeDraws
	// NoticeSize warns of a model file that is too large for other programs.
	NoticeSize = feedback.NoticeSize
	// NoticePreprocess warns of images that are not prepared as they were for the lock.
	NoticePreprocess = feedback.NoticePreprocess
	// NoticeRest says what a locked model is worth without its most frequent answers.
	NoticeRest = feedback.NoticeRest
)

// see returns what passes on what happens in a run of Protect.
func (o *ProtectOptions) see() feedback.Observer {
	return feedback.Observer{Progress: o.Progress, Notice: o.Notice}
}

// optionf returns an OptionError without a value.
func optionf(option, format string, args ...any) error {
	return feedback.Mistake(option, format, args...)
}

// interrupted returns the error of a context that has ended, in place of the error that
// followed from that.
func interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
