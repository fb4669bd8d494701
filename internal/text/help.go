package text

// Parts of the help of several commands.

// Data says what samples look like.
const Data = `Data: an .npz file with arrays named after the model's inputs, and labels; a folder with
IDX files (MNIST) or CIFAR binary files, plain or .gz; a folder of images or
WAV files with one sub-folder a class; images with boxes, as YOLO (images/, labels/ or the
.yaml) or COCO (the .json or its folder) has them; a CSV file. Images are resized to cover the model's input and cropped
to their centre, scaled to [0,1], then to (x-mean)/std. --preset, --preprocess and single
flags change that (docs/preprocessing.md); the key keeps it for verify and attack.`

// Tasks says which tasks there are.
const Tasks = `Tasks: classification (accuracy), binary (one logit: accuracy, AUC), multi-label
(accuracy, AUC, mAP; of samples or of each step), regression (R², RMSE), language
(perplexity; without labels the truth is the next token of the input), tagging (a class
for each token: accuracy, F1), segmentation (accuracy of positions, mIoU), ctc (texts read
step by step: error rate of characters; labels [N,L] of classes, -1 behind the end; ctc:K
says that class K is the blank, ctc:-1 the last), image (images or signals from such:
PSNR, SSIM, SI-SNR), embedding (cosine to the vectors of the original; needs no labels),
detection (mAP; labels of YOLO or COCO, also as arrays [N,M,5], or the boxes of the original
with --labels model) and outputs (any model: how far all its outputs agree with those of
the original; needs no labels). Without --task, outputs and labels decide. Targets of
tasks without an accuracy are qualities (docs/method.md). Several outputs may have a task
each, as in --task digit=classification,parity=binary: labels are arrays of the .npz named
after the outputs, and other outputs are only warned of.`

// Verify is the help of advparams verify.
const Verify = `Measure the original, the locked and the unlocked model, as far as they are given. With
a key, also report whether the locked model is the one that the key was made for, and
whether unlocking restores the original bit for bit. The unlocked model exists in a
temporary folder only. Models with equal bytes are measured once.

Without --data, only files are compared. If they do not fit the key, the exit status is
4, after everything that can be measured has been.

The verdict is ok if the key belongs to the files and restores the original, and if the locked
model is about as good as guesses. --max-locked and --min-unlocked say what is wanted instead:
an accuracy, or the quality of a task without one. If they are not kept, the exit status is 3.

` + Tasks + `

` + Data
