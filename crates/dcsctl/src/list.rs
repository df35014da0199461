//! `dcsctl list`.

use crate::{cli::ListArgs, failure::Failure, output, reader::Reader};

/// Shows the cluster once.
pub(crate) async fn run(args: ListArgs) -> Result<(), Failure> {
    let reader = Reader::connect(&args.read)?;
    let loaded = reader.load().await;
    reader.close().await;
    let loaded = loaded?;
    if args.read.json {
        let text = serde_json::to_string_pretty(&reader.document(&loaded));
        let text = text.map_err(|error| Failure::Failed(format!("cannot write JSON: {error}")))?;
        output::line(&text)?;
    } else {
        output::write(&reader.table(&loaded))?;
    }
    Ok(())
}
