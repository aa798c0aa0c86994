//! The words by which names and values are judged.
//!
//! In: nothing. Out: lists of words. What follows when a word is in one is decided by `named` and `words`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Words to compare others with, in any case.
#[derive(Debug)]
pub(super) struct WordList(BTreeSet<&'static [u8]>);

impl WordList {
    /// Longer words are in no list.
    const LONGEST: usize = 24;

    /// A list of words in lower case, with blanks between them.
    pub(super) fn new(words: &'static str) -> Self {
        Self(words.split_ascii_whitespace().map(str::as_bytes).collect())
    }

    /// True when the word is there.
    pub(super) fn has(&self, word: &[u8]) -> bool {
        let mut lower = [0; Self::LONGEST];
        let Some(lower) = lower.get_mut(..word.len()) else { return false };
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        self.0.contains(&*lower)
    }
}

/// Words behind the keyword that make it something else: `token_count`, `password_file`, `secretName`.
pub(super) static NO_VALUE: LazyLock<WordList> = LazyLock::new(|| {
    WordList::new(
        "file files path dir url uri link name names id ids type types count counts length len size min max limit \
     limits policy ttl expiry expires expiration expired at age field fields column regex pattern prefix suffix \
     header headers endpoint method hint placeholder label title help required enabled disabled store manager \
     provider providers helper service class reset input confirm confirmation hash hashes hasher hashers digest \
     checksum fingerprint algorithm alg format version status state error errors message usage index map list set \
     ref refs arn location source kind scope scopes audience issuer strength rules validator validation form page \
     view controller handler test tests spec code codes usages mode encoding charset press down up board word \
     words frame frames space stone note notes stdin fd created updated rotation bits exchange agreement pair \
     value_from valuefrom selector schema table columns rs ts js py go java rb md budget rate window stream \
     streams bucket buckets tree trees kinds tag tags",
    )
});

/// Words before the keyword that make it something else: `next_page_token`, `cache-key`, `publicKey`.
pub(super) static NO_SECRET: LazyLock<WordList> = LazyLock::new(|| {
    WordList::new(
        "next page pagination continuation cancel cancellation sync bos eos pad unk sep cls mask max min num n total \
     prompt completion input output cached unexpected expected special stop no invalid missing bad wrong forgot \
     reset change show hide old using syntax",
    )
});

/// The same for keys alone.
pub(super) static NO_KEY: LazyLock<WordList> = LazyLock::new(|| {
    WordList::new(
        "public pub publishable cache caching primary foreign sort partition hash range row object host known index \
     lookup idempotency dedup map group issue restore site registry etag bucket kms cmk composite unique route \
     i18n translation locale event hot short arrow shift ctrl alt meta tab enter escape press item react json \
     dict query state config verify verification anon gpg cosign property metric label shard routing data tag \
     topic message record file path s3 blob image layer input output job task step matrix socket",
    )
});

/// Words before `key` after which even a hash is one.
pub(super) static KEY_OF: LazyLock<WordList> = LazyLock::new(|| {
    WordList::new(
        "api app application access secret private admin write license licence service account shared preshared \
     server client subscription deploy auth authentication ingest ingestion integration project encryption \
     signing sign master root session cookie jwt hmac aes rsa user team storage functions function sas customer \
     device webhook search sending consumer password decryption crypt crypto fernet base recovery unseal token algolia \
     datadog dd cf fastly mailgun mailchimp sendgrid newrelic relic sumo bugsnag rollbar airbrake pagerduty \
     stripe",
    )
});

/// Words of two letters in the names of programs.
pub(super) static SHORT_WORDS: LazyLock<WordList> =
    LazyLock::new(|| WordList::new("id is to by of on in no at my db ip ui io or as up do go"));

/// What values are made of that stand for another one.
pub(super) static STAND_INS: LazyLock<WordList> = LazyLock::new(|| {
    WordList::new(
        "your my the a an some here goes this that with and or of for from to in change changeme changeit me it \
     replace replaceme insert enter set put paste fill use example examples sample placeholder dummy fake mock \
     foo bar baz todo tbd fixme xxx test testing demo default none null nil undefined empty blank true false yes \
     no on off password passwd pass passphrase passwort pwd secret secrets token tokens key keys apikey api \
     access auth authorization credential credentials client user username name value string text type str number \
     boolean bool int object hidden masked redacted sensitive removed omitted required optional mandatory missing \
     invalid incorrect expired unknown unset bearer basic digest include same origin omit inherit always never \
     enabled disabled refresh private public service account app id db database admin root new old current \
     confirm repeat random unique phrase long strong safe very super generated stored file github gitlab slack \
     openai aws gcp azure npm pypi stripe google env environment xxxx var variable config self forgotten reset \
     changed updated created deleted not is are was will be must can provided found valid computed present absent \
     real actual prod live sk pk ghp xoxb glpat ant proj org com local host localhost changethis",
    )
});
