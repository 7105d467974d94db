-- What depends directly on the relations of some schemas, anywhere in the database.
-- $1: the schemas, text[].
with relation as materialized (
    select c.oid, n.nspname as schema_name, c.relname as name, c.relkind, c.relpersistence, c.reltype, c.relnamespace
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any ($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')
),
-- The relation itself and what goes away with it: its row type, the array type of that, the sequences it owns.
part as materialized (
    select oid as relation, 'pg_catalog.pg_class'::pg_catalog.regclass::oid as class, oid as object
    from relation
    union all
    select r.oid, 'pg_catalog.pg_type'::pg_catalog.regclass, row_type.oid
    from relation r
    join pg_catalog.pg_type t on t.oid = r.reltype
    cross join lateral (values (t.oid), (t.typarray)) as row_type (oid)
    where row_type.oid <> 0
    union all
    select r.oid, 'pg_catalog.pg_class'::pg_catalog.regclass, s.oid
    from relation r
    join pg_catalog.pg_depend d
        on d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = r.oid
        and d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.deptype in ('a', 'i')
    join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
),
edge as materialized (
    select part.relation, part.class as part_class, part.object as part_object,
           d.classid, d.objid, d.objsubid, d.refobjsubid, d.deptype
    from part
    join pg_catalog.pg_depend d on d.refclassid = part.class and d.refobjid = part.object
    where d.deptype in ('n', 'a', 'P', 'S')
),
-- One row for each dependent and relation: kind, the relation it is or stands on, its owner, the columns it uses.
found as (
    -- Views, materialized views and rules, by the relation that has the rewrite rule.
    select e.relation, e.classid, e.objid, 0 as objsubid,
           case when w.rulename <> '_RETURN' then 'rule' when h.relkind = 'm' then 'materialized view' else 'view' end
               as kind,
           h.oid as holder, h.relowner as owner, h.oid = e.relation as attached, e.refobjsubid, e.part_object
    from edge e
    join pg_catalog.pg_rewrite w
        on e.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and w.oid = e.objid
    join pg_catalog.pg_class h on h.oid = w.ev_class
    where h.oid <> e.relation or w.rulename <> '_RETURN'
    union all
    -- Foreign keys of other tables; those that a partition inherited are not told apart from their parent's.
    select r.oid, 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, 0, 'foreign key', k.conrelid, h.relowner,
           false, column_number, r.oid
    from relation r
    join pg_catalog.pg_constraint k on k.contype = 'f' and k.confrelid = r.oid and k.conrelid <> r.oid
    join pg_catalog.pg_class h on h.oid = k.conrelid
    cross join lateral pg_catalog.unnest(k.confkey) as referenced (column_number)
    where not exists (
        select 1 from pg_catalog.pg_constraint p where p.oid = k.conparentid and p.confrelid = k.confrelid
    )
    union all
    -- Functions whose body or defaults are bound to the relation; those with its row type are further below.
    select e.relation, e.classid, e.objid, 0, 'function', null, p.proowner, false, e.refobjsubid, e.part_object
    from edge e
    join pg_catalog.pg_proc p on e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and p.oid = e.objid
    where e.part_class = 'pg_catalog.pg_class'::pg_catalog.regclass
    union all
    select e.relation, e.classid, e.objid, 0, 'policy', h.oid, h.relowner, h.oid = e.relation, e.refobjsubid,
           e.part_object
    from edge e
    join pg_catalog.pg_policy p on e.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass and p.oid = e.objid
    join pg_catalog.pg_class h on h.oid = p.polrelid
    union all
    -- Triggers that people made: of the relation itself, or constraint triggers FROM it.
    select e.relation, e.classid, e.objid, 0, 'trigger', h.oid, h.relowner, h.oid = e.relation, e.refobjsubid,
           e.part_object
    from edge e
    join pg_catalog.pg_trigger t on e.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass and t.oid = e.objid
    join pg_catalog.pg_class h on h.oid = t.tgrelid
    where not t.tgisinternal
    union all
    -- Defaults of other tables: nextval of a sequence that the relation owns, a regclass constant.
    select e.relation, e.classid, e.objid, 0, 'default', h.oid, h.relowner, false, e.refobjsubid, e.part_object
    from edge e
    join pg_catalog.pg_attrdef a on e.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and a.oid = e.objid
    join pg_catalog.pg_class h on h.oid = a.adrelid
    where h.oid <> e.relation
    union all
    -- Inheritance and partitions, downwards and upwards.
    select r.oid, 'pg_catalog.pg_class'::pg_catalog.regclass, h.oid, 0, 'child', h.oid, h.relowner, false, 0, r.oid
    from relation r
    join pg_catalog.pg_inherits i on i.inhparent = r.oid
    join pg_catalog.pg_class h on h.oid = i.inhrelid
    union all
    select r.oid, 'pg_catalog.pg_class'::pg_catalog.regclass, h.oid, 0, 'parent', h.oid, h.relowner, true, 0, r.oid
    from relation r
    join pg_catalog.pg_inherits i on i.inhrelid = r.oid
    join pg_catalog.pg_class h on h.oid = i.inhparent
    union all
    -- Publications: by name, by schema, of all tables.
    select r.oid, 'pg_catalog.pg_publication'::pg_catalog.regclass, p.oid, 0, 'publication', null, p.pubowner, true, 0,
           r.oid
    from relation r
    join pg_catalog.pg_publication p
        on p.puballtables
        or exists (select 1 from pg_catalog.pg_publication_rel l where l.prpubid = p.oid and l.prrelid = r.oid)
        or exists (
            select 1 from pg_catalog.pg_publication_namespace l where l.pnpubid = p.oid and l.pnnspid = r.relnamespace
        )
    where r.relkind in ('r', 'p') and r.relpersistence = 'p'
    union all
    -- Uses of the row type: columns, domains, composite types, functions, casts. (A view's column of that type is the
    -- view's; it stands here too, because such a view cannot be bound to another table.)
    select e.relation, e.classid, e.objid, e.objsubid, 'row type', h.oid, coalesce(h.relowner, t.typowner, p.proowner),
           false, 0, e.part_object
    from edge e
    left join pg_catalog.pg_class h on e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and h.oid = e.objid
    left join pg_catalog.pg_type t on e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and t.oid = e.objid
    left join pg_catalog.pg_proc p on e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and p.oid = e.objid
    where e.part_class = 'pg_catalog.pg_type'::pg_catalog.regclass
      and e.classid <> 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      and h.oid is distinct from e.relation
    union all
    -- Whatever else there may be, so that nothing is overlooked.
    select e.relation, e.classid, e.objid, e.objsubid, 'other', null, null, false, e.refobjsubid, e.part_object
    from edge e
    left join pg_catalog.pg_class h on e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and h.oid = e.objid
    left join pg_catalog.pg_constraint k
        on e.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and k.oid = e.objid
    left join pg_catalog.pg_statistic_ext s
        on e.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass and s.oid = e.objid
    where e.part_class = 'pg_catalog.pg_class'::pg_catalog.regclass
      and e.classid not in (
          'pg_catalog.pg_rewrite'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,
          'pg_catalog.pg_policy'::pg_catalog.regclass, 'pg_catalog.pg_trigger'::pg_catalog.regclass,
          'pg_catalog.pg_attrdef'::pg_catalog.regclass, 'pg_catalog.pg_publication_rel'::pg_catalog.regclass
      )
      -- Its own indexes and sequences, and children, which stand above.
      and (h.oid is null or h.relkind not in ('i', 'I', 't', 'S')
           and not exists (select 1 from pg_catalog.pg_inherits i where i.inhrelid = h.oid and i.inhparent = e.relation))
      -- Its own constraints, and foreign keys, which stand above.
      and (k.oid is null or k.conrelid <> e.relation and k.contype <> 'f')
      and (s.oid is null or s.stxrelid <> e.relation)
),
dependent as materialized (
    select f.relation, f.classid, f.objid, f.objsubid, f.kind, f.holder, f.owner, f.attached,
           pg_catalog.array_agg(distinct a.attname::text) filter (where a.attname is not null) as columns
    from found f
    left join pg_catalog.pg_attribute a
        on f.part_object = f.relation and f.refobjsubid > 0 and a.attrelid = f.relation and a.attnum = f.refobjsubid
    group by f.relation, f.classid, f.objid, f.objsubid, f.kind, f.holder, f.owner, f.attached
)
select r.schema_name::text, r.name::text, d.kind,
       case when d.kind in ('view', 'materialized view', 'child', 'parent')
            then pg_catalog.format('%I.%I', n.nspname, h.relname)
            else (pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid)).identity end as identity,
       n.nspname::text as holder_schema, h.relname::text as holder_name,
       pg_catalog.pg_get_userbyid(d.owner)::text as owner,
       -- Replacing a view or function needs the right to make one in its schema, too; making a trigger, its function.
       -- Rights on what has gone since this query began are NULL.
       coalesce(pg_catalog.pg_has_role(d.owner, 'USAGE'), false)
           and coalesce(case
               when d.kind = 'view' then pg_catalog.has_schema_privilege(n.oid, 'CREATE')
               when d.kind = 'function' then pg_catalog.has_schema_privilege(p.pronamespace, 'CREATE')
               when d.kind = 'trigger' then pg_catalog.has_function_privilege(t.tgfoid, 'EXECUTE')
               else true
           end, false) as may_alter,
       case when d.kind in ('view', 'materialized view', 'child', 'parent')
            then pg_catalog.obj_description(d.holder, 'pg_class')
            else pg_catalog.obj_description(d.objid, c.relname) end as comment,
       coalesce(d.columns, '{}') as columns,
       d.attached,
       not d.attached and (d.kind in ('view', 'rule', 'policy') or d.kind = 'function' and p.prokind <> 'a') as rebindable,
       d.classid::pg_catalog.oid as class, d.objid as object
from dependent d
join relation r on r.oid = d.relation
join pg_catalog.pg_class c on c.oid = d.classid
left join pg_catalog.pg_class h on h.oid = d.holder
left join pg_catalog.pg_namespace n on n.oid = h.relnamespace
left join pg_catalog.pg_proc p on d.kind = 'function' and p.oid = d.objid
left join pg_catalog.pg_trigger t on d.kind = 'trigger' and t.oid = d.objid
order by 1, 2, 3, 4
