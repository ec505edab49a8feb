//! Is the service up? (VOSI 1.1, section 3)

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};

use super::respond::xml_response;
use crate::format::xml::escaped;
use crate::services::Services;

/// Says whether queries are taken, since when, and why not where they are not.
pub(super) async fn show(State(services): State<Services>) -> Response {
    let note = services.queries.maintenance();
    let available = note.is_none();
    let note = note.unwrap_or_else(|| "service is accepting queries".to_owned());
    let since = DateTime::<Utc>::from(services.started).to_rfc3339_opts(SecondsFormat::Secs, true);
    let up = if available { format!("<vosi:upSince>{since}</vosi:upSince>\n") } else { String::new() };
    xml_response(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <vosi:availability xmlns:vosi=\"http://www.ivoa.net/xml/VOSIAvailability/v1.0\">\n\
         <vosi:available>{available}</vosi:available>\n{up}\
         <vosi:note>{}</vosi:note>\n\
         </vosi:availability>\n",
        escaped(&note)
    ))
}
