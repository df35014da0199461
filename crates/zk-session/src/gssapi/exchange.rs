//! The client's side of RFC 4752.
//!
//! ```text
//!  New ── the ticket ─▶ Establishing ── the server's proof / empty ─▶ Negotiating ── its offer / our choice ─▶ Chosen
//!                         │      ▲                                                                              │ empty
//!                         └──────┘ as often as the mechanism wants (Kerberos: never)                            ▼
//!                                                                                                             Done
//! ```

use libgssapi::{
    context::{ClientCtx, CtxFlags, SecurityContext},
    credential::{Cred, CredUsage},
    name::Name,
    oid::{GSS_MECH_KRB5, GSS_NT_HOSTBASED_SERVICE, GSS_NT_KRB5_PRINCIPAL, OidSet},
};
use zk_proto::{SaslStep, Secret};

use super::{Gssapi, failure::Failure};
use crate::sasl::Exchange;

/// The bit of "no security layer" in the server's offer and in our choice.
const NO_LAYER: u8 = 1;

/// "No security layer", and so no size of messages in one.
const CHOICE: [u8; 4] = [NO_LAYER, 0, 0, 0];

/// One exchange.
pub(super) struct GssapiExchange {
    gssapi: Gssapi,
    host: String,
    stage: Stage,
}

enum Stage {
    New,
    Establishing(ClientCtx),
    Negotiating(ClientCtx),
    /// Our choice is sent: the server has nothing more to say.
    Chosen,
    Ended,
}

impl GssapiExchange {
    pub(super) fn new(gssapi: Gssapi, host: String) -> Self {
        Self { gssapi, host, stage: Stage::New }
    }

    /// The server, for people.
    fn server(&self) -> String {
        let Gssapi { service, server_principal, .. } = &self.gssapi;
        server_principal.clone().unwrap_or_else(|| format!("{service}/{}", self.host))
    }

    fn target(&self) -> Result<Name, libgssapi::error::Error> {
        match &self.gssapi.server_principal {
            Some(principal) => Name::new(principal.as_bytes(), Some(GSS_NT_KRB5_PRINCIPAL)),
            None => {
                let name = format!("{}@{}", self.gssapi.service, self.host);
                Name::new(name.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))
            }
        }
    }

    fn begin(&self) -> Result<ClientCtx, Failure> {
        let server = || self.server();
        let target = self.target().map_err(|error| Failure::ServerName { server: server(), error })?;
        let acquire = || {
            let client = match &self.gssapi.client_principal {
                Some(principal) => Some(Name::new(principal.as_bytes(), Some(GSS_NT_KRB5_PRINCIPAL))?),
                None => None,
            };
            let kerberos = OidSet::singleton(GSS_MECH_KRB5)?;
            Cred::acquire(client.as_ref(), None, CredUsage::Initiate, Some(&kerberos))
        };
        let client = || self.gssapi.client_principal.clone();
        let credential = acquire().map_err(|error| Failure::Credential { client: client(), error })?;
        // The server must prove itself, too; the offer is protected against changes.
        let flags = CtxFlags::GSS_C_MUTUAL_FLAG | CtxFlags::GSS_C_INTEG_FLAG;
        Ok(ClientCtx::new(Some(credential), target, flags, Some(GSS_MECH_KRB5)))
    }

    fn establish(
        &mut self,
        mut context: ClientCtx,
        challenge: Option<&[u8]>,
    ) -> Result<Option<Secret>, Failure> {
        let failed = |error| Failure::Context { server: self.server(), error };
        let token = context.step(challenge, None).map_err(failed)?;
        let token = token.map(|token| Secret::new(&*token));
        if !context.is_complete() {
            self.stage = Stage::Establishing(context);
            return Ok(token);
        }
        if !context.flags().map_err(failed)?.contains(CtxFlags::GSS_C_MUTUAL_FLAG) {
            return Err(Failure::Protocol("the server has not proved who it is"));
        }
        self.stage = Stage::Negotiating(context);
        Ok(token)
    }

    /// Reads which security layers the server offers, and chooses none.
    fn choose(&self, mut context: ClientCtx, offer: &[u8]) -> Result<Secret, Failure> {
        let failed = |error| Failure::Context { server: self.server(), error };
        match *context.unwrap(offer).map_err(failed)? {
            [layers, _, _, _] if layers & NO_LAYER != 0 => {}
            [_, _, _, _] => return Err(Failure::Protocol("the server insists on a security layer")),
            _ => return Err(Failure::Protocol("the server's offer of security layers makes no sense")),
        }
        Ok(Secret::new(&*context.wrap(false, &CHOICE).map_err(failed)?))
    }

    fn advance(&mut self, challenge: Option<&[u8]>) -> Result<SaslStep, Failure> {
        let stage = std::mem::replace(&mut self.stage, Stage::Ended);
        let token = match (stage, challenge) {
            (Stage::New, None) => {
                let context = self.begin()?;
                self.establish(context, None)?
            }
            (Stage::Establishing(context), Some(challenge)) => self.establish(context, Some(challenge))?,
            (Stage::Negotiating(context), Some(offer)) => {
                let choice = self.choose(context, offer)?;
                self.stage = Stage::Chosen;
                Some(choice)
            }
            (Stage::Chosen, Some([])) => return Ok(SaslStep::Done),
            _ => return Err(Failure::Protocol("a token where none is due")),
        };
        Ok(SaslStep::Respond(token.unwrap_or_else(|| Secret::new([]))))
    }
}

impl Exchange for GssapiExchange {
    fn step(&mut self, challenge: Option<&[u8]>) -> Result<SaslStep, String> {
        self.advance(challenge).map_err(|failure| failure.to_string())
    }
}
