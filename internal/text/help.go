package text

// Parts of the help of several commands.

// Data says what samples look like.
const Data = `The data is one of these:
  .npz       arrays named after the model's inputs, and labels
  a folder   IDX files (MNIST) or CIFAR binary files, plain or .gz
  a folder   images or WAV files, with one sub-folder per class
  a folder   images with boxes as in YOLO or COCO; also YOLO's .yaml or COCO's .json alone
  .csv       one sample per line

Images are resized to cover the model's input and cropped to their centre, scaled to [0,1],
then to (x-mean)/std. --preset, --preprocess and single flags change that
(docs/preprocessing.md). The key stores these settings for verify and attack.`

// Tasks says which tasks there are.
const Tasks = `The tasks, with their metrics:
  classification  accuracy
  binary          accuracy, AUC; one logit
  multi-label     accuracy, AUC, mAP; of samples or of each step
  regression      R², RMSE
  language        perplexity; without labels the truth is the next token of the input
  tagging         accuracy, F1; a class for each token
  segmentation    accuracy of positions, mIoU
  ctc             error rate of characters; texts read step by step; labels [N,L] of classes
  image           PSNR, SSIM, SI-SNR; images or signals computed from such
  embedding       cosine to the vectors of the original; needs no labels
  detection       mAP; labels of YOLO or COCO, arrays [N,M,5], or the original's boxes
  outputs         how far all outputs agree with those of the original; any model, no labels

Without --task, the task is guessed from outputs and labels. Labels of ctc are -1 after the end
of a text; --task ctc:K says that class K is the blank, and ctc:-1 the last class. For detection,
--labels model takes the boxes of the original. Where a task has no accuracy, targets are
qualities (docs/method.md). Several outputs may have a task each, as in --task
digit=classification,parity=binary. Their labels are arrays of the .npz named after the
outputs. Other outputs are then only warned of.`

// Verify is the help of advparams verify.
const Verify = `Measure the original, the locked and the unlocked model, as far as they are given. With
a key, also report whether the locked model is the one that the key was made for, and
whether unlocking restores the original bit for bit. The unlocked model exists in a
temporary folder only. Models with equal bytes are measured once.

Without --data, only files are compared. If they do not fit the key, the exit status is
4, after everything that can be measured has been.

The verdict is ok if the key belongs to the files and restores the original, and if the locked
model is about as good as guesses. --max-locked and --min-unlocked replace this rule by limits
on the accuracy, or on the quality of a task without one. If a limit is not kept, the exit
status is 3.

` + Tasks + `

` + Data
