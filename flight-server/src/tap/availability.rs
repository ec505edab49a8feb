//! Is the service up? (VOSI 1.1, section 3)

use axum::response::Response;

use super::respond::xml_response;

/// Says that it is.
pub(super) async fn show() -> Response {
    xml_response(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <vosi:availability xmlns:vosi=\"http://www.ivoa.net/xml/VOSIAvailability/v1.0\">\n\
         <vosi:available>true</vosi:available>\n\
         <vosi:note>service is accepting queries</vosi:note>\n\
         </vosi:availability>\n"
            .to_owned(),
    )
}
