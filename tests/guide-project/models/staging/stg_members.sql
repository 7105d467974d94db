select
    member_id,
    name,
    lower(trim(email)) as email,
    plan_code,
    joined_on,
    left_on,
    left_on is null as is_active
from members
