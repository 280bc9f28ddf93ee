//! Workflows and the numbered versions of their documents. An item keeps the version that it started with.

use crate::id::{ItemId, WorkflowId};
use crate::limit::*;
use crate::rule::{Finding, Severity};
use crate::work::callout::is_callback_url;
use crate::work::document::Document;
use crate::work::engine::directory::{check_limit, check_revision, conflict, invalid};
use crate::work::engine::{Answer, Engine, Kind, Turn, Version};
use crate::work::*;
use serde_json::Value;
use std::sync::Arc;

impl Engine {
    pub(in crate::work::engine) fn create_workflow(
        &mut self,
        turn: &mut Turn<'_>,
        name: String,
        document: Value,
        assignment_url: Option<String>,
        assignment_fallback_url: Option<String>,
    ) -> Result<Answer, Rejection> {
        self.check_name(Kind::Workflow, &name, None)?;
        check_limit("workflows", self.config.workflows.len(), WORKFLOWS_MAX)?;
        check_url("/assignment_url", assignment_url.as_deref())?;
        check_url("/assignment_fallback_url", assignment_fallback_url.as_deref())?;
        let findings = self.check_document(&document)?;
        let id = WorkflowId(self.fresh_id(turn.now));
        let workflow =
            Workflow { id, name, version: 1, assignment_url, assignment_fallback_url, stamp: Stamp::new(turn.now) };
        let version = WorkflowVersion { workflow: id, version: 1, document, created_at: turn.now };
        self.keep_version(version.clone())?;
        self.keep_workflow(workflow.clone());
        let record = Record::Workflow(workflow.clone());
        turn.put(record.clone());
        turn.put(Record::WorkflowVersion(version.clone()));
        self.emit_config(turn, "workflow.created", &record);
        Ok(Answer::Workflow(Box::new(PublishedWorkflow { workflow, version, findings })))
    }

    pub(in crate::work) fn keep_workflow(&mut self, workflow: Workflow) {
        self.config.set_name(Kind::Workflow, None, &workflow.name, workflow.id.0);
        self.config.workflows.insert(workflow.id, workflow);
    }

    pub(in crate::work) fn keep_version(&mut self, record: WorkflowVersion) -> Result<(), Rejection> {
        let document = Document::parse(&record.document).map_err(|findings| Rejection::Document { findings })?;
        let (queues, schedules) = (document.queues(), document.schedules());
        let key = (record.workflow, record.version);
        self.config.versions.insert(key, Arc::new(Version { record, document, queues, schedules }));
        Ok(())
    }

    /// The warnings of a document, or all findings as a rejection when one is an error.
    fn check_document(&self, document: &Value) -> Result<Vec<Finding>, Rejection> {
        let findings = self.findings(document);
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Err(Rejection::Document { findings });
        }
        Ok(findings)
    }

    pub(in crate::work::engine) fn update_workflow(
        &mut self,
        turn: &mut Turn<'_>,
        id: WorkflowId,
        name: Option<String>,
        assignment_url: Option<Option<String>>,
        assignment_fallback_url: Option<Option<String>>,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let found = self.config.workflows.get(&id).ok_or(Rejection::NotFound { resource: "workflow" })?;
        check_revision(&found.stamp, expected)?;
        let mut workflow = found.clone();
        let old = workflow.name.clone();
        if let Some(name) = name {
            self.check_name(Kind::Workflow, &name, Some(&old))?;
            workflow.name = name;
        }
        if let Some(url) = assignment_url {
            check_url("/assignment_url", url.as_deref())?;
            workflow.assignment_url = url;
        }
        if let Some(url) = assignment_fallback_url {
            check_url("/assignment_fallback_url", url.as_deref())?;
            workflow.assignment_fallback_url = url;
        }
        workflow.stamp.touch(turn.now);
        self.config.drop_name(Kind::Workflow, &old);
        self.keep_workflow(workflow.clone());
        let record = Record::Workflow(workflow.clone());
        turn.put(record.clone());
        self.emit_config(turn, "workflow.updated", &record);
        self.published(workflow, Vec::new())
    }

    fn published(&self, workflow: Workflow, findings: Vec<Finding>) -> Result<Answer, Rejection> {
        let latest = self.config.latest(workflow.id).ok_or(Rejection::NotFound { resource: "workflow" })?;
        let version = latest.record.clone();
        Ok(Answer::Workflow(Box::new(PublishedWorkflow { workflow, version, findings })))
    }

    pub(in crate::work::engine) fn publish_workflow(
        &mut self,
        turn: &mut Turn<'_>,
        id: WorkflowId,
        document: Value,
        reevaluate: bool,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let found = self.config.workflows.get(&id).ok_or(Rejection::NotFound { resource: "workflow" })?;
        check_revision(&found.stamp, expected)?;
        let mut workflow = found.clone();
        let findings = self.check_document(&document)?;
        let previous = workflow.version;
        workflow.version += 1;
        workflow.stamp.touch(turn.now);
        let version = WorkflowVersion { workflow: id, version: workflow.version, document, created_at: turn.now };
        self.keep_version(version.clone())?;
        self.config.workflows.insert(id, workflow.clone());
        let record = Record::Workflow(workflow.clone());
        turn.put(record.clone());
        turn.put(Record::WorkflowVersion(version));
        self.emit_config(turn, "workflow.published", &record);
        if reevaluate {
            for item in self.unassigned_of(id) {
                self.reenter(turn, item, id, "reevaluated");
            }
        }
        self.forget_version_if_unused(id, previous);
        self.published(workflow, findings)
    }

    /// Unassigned items of a workflow by id; asked only when somebody wants all of them moved.
    fn unassigned_of(&self, id: WorkflowId) -> Vec<ItemId> {
        let moves =
            |item: &&Item| item.workflow == id && matches!(item.state, ItemState::Pending | ItemState::Reserved);
        let mut items: Vec<_> =
            self.items.values().map(|entry| &entry.item).filter(moves).map(|item| item.id).collect();
        items.sort_unstable();
        items
    }

    /// Drops an old version from memory once no open item is in it.
    pub(in crate::work) fn forget_version_if_unused(&mut self, id: WorkflowId, version: u32) {
        let newest = self.config.workflows.get(&id).map(|workflow| workflow.version);
        let used = self.config.version_uses.get(&(id, version)).is_some_and(|uses| *uses > 0);
        if newest != Some(version) && !used {
            self.config.versions.remove(&(id, version));
        }
    }

    pub(in crate::work::engine) fn delete_workflow(
        &mut self,
        turn: &mut Turn<'_>,
        id: WorkflowId,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let workflow = self.config.workflows.get(&id).ok_or(Rejection::NotFound { resource: "workflow" })?;
        check_revision(&workflow.stamp, expected)?;
        let open: u32 =
            self.config.version_uses.iter().filter(|((used, _), _)| *used == id).map(|(_, uses)| uses).sum();
        if open > 0 {
            return Err(conflict(
                "workflow_in_use",
                format!("{open} open work items are in this workflow; end them first"),
            ));
        }
        let workflow = workflow.clone();
        self.config.workflows.remove(&id);
        self.config.versions.retain(|(of, _), _| *of != id);
        self.config.drop_name(Kind::Workflow, &workflow.name);
        self.emit_config(turn, "workflow.deleted", &Record::Workflow(workflow));
        turn.delete(Gone::Workflow(id));
        Ok(Answer::Deleted)
    }
}

pub(super) fn check_url(pointer: &str, url: Option<&str>) -> Result<(), Rejection> {
    if url.is_some_and(|url| !is_callback_url(url)) {
        let message = format!("an absolute http or https URL of at most {URL_CHARS_MAX} characters");
        return Err(invalid(pointer, "bad_url", message));
    }
    Ok(())
}
