export{c4_a as a,c4_b as b,c4_c as c,c4_d as d,c4_e as e,c4_f as f,c4_g as g,c4_h as h,c4_i as i}from"./run.js";
